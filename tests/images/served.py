"""Registries for tests, over real HTTP: the sandbox's own, and ones that misbehave in a given way."""

import base64
import hashlib
import io
import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server

from toolkit.core.ports import LayerFile
from toolkit.core.secrets import Secret
from toolkit.images.auth import RegistryAuth
from toolkit.images.layer import layer
from toolkit.images.oci import OciRegistry
from toolkit.images.remote import Remote
from toolkit.sandbox.registry import Registry, Storage

TOKEN = "a-token"
BASIC = "Basic " + base64.b64encode(f"AWS:{TOKEN}".encode()).decode()
HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


class Quiet(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        """Tests print nothing."""


@contextmanager
def served(application: Any) -> Iterator[str]:
    """The application's URL, as long as the block lasts."""
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Noted:
    """A WSGI application in front of another: notes requests, and gives planned answers first.

    `faults` maps (method, part of the path) to the answers to give, in turn, before the real one.
    """

    inner: Any
    faults: dict[tuple[str, str], list[tuple[str, Mapping[str, str], bytes]]] = field(
        default_factory=dict
    )
    seen: list[tuple[str, str]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.seen.append((method, path))
        self.headers.append(
            {
                key: str(value)
                for key, value in environ.items()
                if key.startswith(("HTTP", "CONTENT"))
            }
        )
        for (verb, part), answers in self.faults.items():
            if verb == method and part in path and answers:
                status, headers, body = answers.pop(0)
                start(status, [*headers.items(), ("Content-Length", str(len(body)))])
                return [body]
        return self.inner(environ, start)

    def count(self, method: str, part: str = "") -> int:
        return sum(1 for verb, path in self.seen if verb == method and part in path)


def fault(
    status: str, code: str = "", message: str = "", **headers: str
) -> tuple[str, Mapping[str, str], bytes]:
    return status, headers, json.dumps({"errors": [{"code": code, "message": message}]}).encode()


@dataclass
class Served:
    """A sandbox registry that is being served, and our client of it."""

    url: str
    storage: Storage
    front: Noted
    registry: OciRegistry
    repositories: set[str]
    told: list[tuple[str, str | None, str, str, str]]
    deleted: list[tuple[str, str]]


@contextmanager
def sandbox_registry(
    root: Path, *, repositories: Iterable[str] = ("app", "base"), token: str = TOKEN
) -> Iterator[Served]:
    """The sandbox's registry and a client that logs in as `AWS:<token>`."""
    told: list[tuple[str, str | None, str, str, str]] = []
    deleted: list[tuple[str, str]] = []
    known, storage = set(repositories), Storage(root)
    app = Registry(
        storage=storage,
        repository_exists=known.__contains__,
        authorised=lambda password: password == TOKEN,
        immutable=lambda name: name == "immutable",
        on_manifest=lambda *facts: told.append(facts),
        on_delete=lambda *facts: deleted.append(facts),
    )
    front = Noted(app)
    with served(front) as url:
        client = client_of(url, token=token)
        yield Served(
            url=url,
            storage=storage,
            front=front,
            registry=client,
            repositories=known,
            told=told,
            deleted=deleted,
        )
        client.home.close()


def client_of(
    url: str, *, token: str | None = TOKEN, host: str = HOST, patience: float = 5.0
) -> OciRegistry:
    """Our client of a registry at `url`; other hosts in references are taken for `url` too, without login."""
    login = (lambda: ("AWS", Secret(token))) if token else (lambda: None)
    home = Remote(
        url, host=host, auth=RegistryAuth(url, login, eager=bool(token)), patience=patience
    )
    return OciRegistry(home, connect=lambda other: remote_of(f"http://{other}", other))


def remote_of(url: str, host: str, *, user: str | None = None, password: str = "") -> Remote:
    login = (lambda: (user, Secret(password))) if user else (lambda: None)
    return Remote(url, host=host, auth=RegistryAuth(url, login), patience=5.0)


def push_foreign(
    storage: Storage,
    repository: str,
    *,
    docker: bool = False,
    architecture: str = "amd64",
    text: bytes = b"base",
) -> str:
    """Put an image straight into a storage, as another tool would have: its digest."""
    added = layer({"/etc/base": LayerFile(text)})
    config = json.dumps(
        {
            "os": "linux",
            "architecture": architecture,
            "config": {"Env": ["PATH=/bin", "LANG=C.UTF-8"], "Cmd": ["sh"]},
            "rootfs": {"type": "layers", "diff_ids": [added.diff_id]},
        }
    ).encode()
    kind = "docker.distribution.manifest.v2" if docker else "oci.image.manifest.v1"
    parts = [put_blob(storage, repository, data) for data in (config, added.data)]
    body = {
        "schemaVersion": 2,
        "mediaType": f"application/vnd.{kind}+json",
        "config": {"mediaType": "application/json", "digest": parts[0], "size": len(config)},
        "layers": [{"mediaType": "application/gzip", "digest": parts[1], "size": len(added.data)}],
    }
    digest = storage.put_manifest(repository, json.dumps(body).encode(), body["mediaType"])
    storage.tag(repository, architecture, digest)
    return digest


def put_blob(storage: Storage, repository: str, data: bytes) -> str:
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    upload = storage.begin()
    storage.receive(upload, io.BytesIO(data))
    assert storage.finish(upload, repository, digest)
    return digest
