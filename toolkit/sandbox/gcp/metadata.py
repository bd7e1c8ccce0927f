"""The metadata server of running containers: which project this is, whose account they run as, and its tokens.

https://cloud.google.com/run/docs/container-contract#metadata-server and
https://cloud.google.com/compute/docs/metadata/querying-metadata.  Google has one address for everybody; here the ticket
in the path, `/al/TICKET/computeMetadata/v1/...`, says which container asks.
"""

import json
from urllib.parse import parse_qs

from toolkit.sandbox.calls import Answer, Environ

from .cloud import Google
from .tickets import LIFE

_ROOT = "computeMetadata/v1/"
_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
FLAVOR = ("Metadata-Flavor", "Google")


def answer(google: Google, environ: Environ) -> Answer:
    """404 for what is no path of a metadata server, or a ticket that is not one any more."""
    head, al, rest = environ.get("PATH_INFO", "").partition("/al/")
    ticket, _, path = rest.partition("/")
    email = google.tickets.account(ticket) if al and not head else None
    if email is None:
        return _text("there is no metadata server here\n", 404)
    if path in {
        "",
        "computeMetadata",
        "computeMetadata/",
    }:  # how clients find out that there is one
        return _text("computeMetadata/\n")
    if environ.get("HTTP_METADATA_FLAVOR") != "Google" or "HTTP_X_FORWARDED_FOR" in environ:
        return _text("Missing required header 'Metadata-Flavor': 'Google'\n", 403)
    recursive = "true" in parse_qs(environ.get("QUERY_STRING", "")).get("recursive", ())
    found = _value(google, email, path.removeprefix(_ROOT).rstrip("/"), recursive=recursive)
    return _text("not found\n", 404) if found is None else found


def _value(google: Google, email: str, key: str, *, recursive: bool) -> Answer | None:
    texts = {
        "project/project-id": google.project,
        "project/numeric-project-id": google.number,
        "instance/id": str(abs(hash(email))),
        "instance/region": f"projects/{google.number}/regions/{google.region}",
        "instance/zone": f"projects/{google.number}/zones/{google.region}-1",
        "instance/service-accounts": f"default/\n{email}/\n",
    }
    if key in texts:
        return _text(texts[key])
    head, _, wanted = key.removeprefix("instance/service-accounts/").partition("/")
    if not key.startswith("instance/service-accounts/") or head not in {"default", email}:
        return None
    return _account(google, email, wanted, recursive=recursive)


def _account(google: Google, email: str, wanted: str, *, recursive: bool) -> Answer | None:
    if wanted == "token":
        token = google.tickets.token(email)
        return _json(
            {
                "access_token": token.text,
                "expires_in": int(LIFE.total_seconds()),
                "token_type": "Bearer",
            }
        )
    if wanted == "" and recursive:
        return _json({"aliases": ["default"], "email": email, "scopes": list(_SCOPES)})
    texts = {
        "": "aliases\nemail\nscopes\ntoken\n",
        "email": email,
        "scopes": "\n".join(_SCOPES),
        "aliases": "default",
    }
    return _text(texts[wanted]) if wanted in texts else None


def _text(text: str, status: int = 200) -> Answer:
    return Answer(
        status=status, headers=(("Content-Type", "application/text"), FLAVOR), body=text.encode()
    )


def _json(value: object) -> Answer:
    headers = (("Content-Type", "application/json"), FLAVOR)
    return Answer(headers=headers, body=json.dumps(value).encode())
