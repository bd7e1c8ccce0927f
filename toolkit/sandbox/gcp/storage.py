"""Cloud Storage as far as `al` uses it: buckets and the versions of their objects, as JSON over HTTP.

https://cloud.google.com/storage/docs/json_api/v1.  Google has no plain gRPC for it, so it is none of services.TABLE.
Who may is asked of the project alone: policies on single buckets are not known here.
"""

import itertools
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

from toolkit.sandbox.calls import Environ

from .cloud import Google
from .refusals import Refused, already_exists, invalid, not_found
from .rpc import Call
from .server import begin

ROOMS = ("/storage/v1/", "/upload/storage/v1/")
# https://cloud.google.com/storage/docs/buckets#naming
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]")
_RESERVED = re.compile(r"^goog|g[o0]{2}g[l1i]e")
_LABEL = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_PAGE = 1000


@dataclass(slots=True)
class Buckets:
    """What the service keeps: buckets' metadata, and their objects as (name, generation), the newest last."""

    metadata: dict[str, dict[str, Any]] = field(default_factory=dict)
    objects: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    generation: int = 1_700_000_000_000_000  # microseconds, as Google's look


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request: the names in its path, its query, and its body."""

    call: Call
    names: tuple[str, ...]
    query: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def kept(self) -> Buckets:
        return self.call.google.of(Buckets)

    @property
    def bucket(self) -> str:
        """Raises Refused when there is none of that name."""
        if self.names[0] not in self.kept.metadata:
            raise not_found(self.names[0], message="The specified bucket does not exist.")
        return self.names[0]


def answer(google: Google, environ: Environ) -> dict[str, Any]:
    """Raises Refused."""
    # an object's slashes are quoted, so the path is matched before it is unquoted
    path, verb = environ["RAW_URI"].partition("?")[0], environ["REQUEST_METHOD"]
    for route in _ROUTES:
        match = re.fullmatch(route.path, path)
        if match and route.verb == verb:
            return _routed(google, environ, route, tuple(map(unquote, match.groups())))
    raise not_found(path, message=f"{verb} {path} is not a method of this cloud")


def _routed(
    google: Google, environ: Environ, route: "_Route", names: tuple[str, ...]
) -> dict[str, Any]:
    from .web import body

    call = begin(google, f"storage/{route.method}", environ.get("HTTP_AUTHORIZATION", ""))
    query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
    asked = _Asked(call, names, query, {} if "uploadType" in query else body(environ))
    with google.lock:
        call.require(route.permission, f"projects/{query.get('project', google.project)}")
        if google.faults.repeats(route.method):
            with suppress(Refused):
                route.handler(asked)
        made = route.handler(asked)
        google.faults.after(route.method)
    return made


def _insert_bucket(asked: _Asked) -> dict[str, Any]:
    name = str(asked.body.get("name", ""))
    if not _NAME.fullmatch(name) or _RESERVED.search(name):
        raise invalid("name", name, message=f"Invalid bucket name: '{name}'")
    for key, value in (asked.body.get("labels") or {}).items():
        if not _LABEL.fullmatch(key) or not re.fullmatch(r"[a-z0-9_-]{0,63}", value):
            raise invalid("labels", f"{key}={value}")
    if name in asked.kept.metadata:
        words = "Your previous request to create the named bucket succeeded and you already own it."
        raise already_exists(name, message=words)
    asked.kept.metadata[name] = {"kind": "storage#bucket", **asked.body}
    asked.kept.objects[name] = []
    return asked.kept.metadata[name]


def _get_bucket(asked: _Asked) -> dict[str, Any]:
    return asked.kept.metadata[asked.bucket]


def _delete_bucket(asked: _Asked) -> dict[str, Any]:
    if asked.kept.objects[asked.bucket]:
        words = "The bucket you tried to delete is not empty."
        raise Refused("ABORTED", words)  # 409 over HTTP
    del asked.kept.metadata[asked.bucket], asked.kept.objects[asked.names[0]]
    return {}


def _list_buckets(asked: _Asked) -> dict[str, Any]:
    return {"items": list(asked.kept.metadata.values())}


def _insert_object(asked: _Asked) -> dict[str, Any]:
    """Its contents are nobody's business here."""
    asked.kept.generation += 1
    made = (asked.query["name"], asked.kept.generation)
    asked.kept.objects[asked.bucket].append(made)
    return {"name": made[0], "generation": str(made[1])}


def _list_objects(asked: _Asked) -> dict[str, Any]:
    """All versions when asked for, else the newest of each."""
    found = sorted(asked.kept.objects[asked.bucket])
    if asked.query.get("versions") != "true":
        found = [list(same)[-1] for _, same in itertools.groupby(found, key=lambda one: one[0])]
    most = asked.call.google.settings.page_items or _PAGE
    begins = int(asked.query.get("pageToken") or 0)
    page = [{"name": name, "generation": str(made)} for name, made in found[begins : begins + most]]
    more = {"nextPageToken": str(begins + most)} if begins + most < len(found) else {}
    return {"items": page, **more}


def _delete_object(asked: _Asked) -> dict[str, Any]:
    one = (asked.names[1], int(asked.query.get("generation") or 0))
    if one not in asked.kept.objects[asked.bucket]:
        raise not_found(asked.names[1], message=f"No such object: {asked.bucket}/{asked.names[1]}")
    asked.kept.objects[asked.bucket].remove(one)
    return {}


class _Route(NamedTuple):
    verb: str
    path: str
    method: str
    permission: str
    handler: Callable[[_Asked], dict[str, Any]]


_BUCKETS = "/storage/v1/b"
_BUCKET = f"{_BUCKETS}/([^/]+)"
_OBJECTS = f"{_BUCKET}/o"
_ROUTES = (
    _Route("POST", _BUCKETS, "InsertBucket", "storage.buckets.create", _insert_bucket),
    _Route("GET", _BUCKETS, "ListBuckets", "storage.buckets.list", _list_buckets),
    _Route("GET", _BUCKET, "GetBucket", "storage.buckets.get", _get_bucket),
    _Route("DELETE", _BUCKET, "DeleteBucket", "storage.buckets.delete", _delete_bucket),
    _Route("GET", _OBJECTS, "ListObjects", "storage.objects.list", _list_objects),
    _Route("DELETE", f"{_OBJECTS}/([^/]+)", "DeleteObject", "storage.objects.delete", _delete_object),
    _Route("POST", f"/upload{_OBJECTS}", "InsertObject", "storage.objects.create", _insert_object),
)  # fmt: skip
