"""The HTTP port: the containers' metadata server, REST, and what tests and `al` ask of the sandbox itself.

Like the AWS sandbox's, it answers programs on this machine and never a browser.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from toolkit.core.errors import AlError
from toolkit.sandbox.calls import Answer, Environ, respond
from toolkit.sandbox.guard import refusal
from toolkit.sandbox.serving import Application

from . import metadata, rest, storage
from .cloud import Google

_OURS = "/al-sandbox/"
CERTIFICATES = "/oauth2/v1/certs"  # Google has them at www.googleapis.com


def application(google: Google) -> Application:
    """WSGI."""

    def called(environ: Environ, start_response: Any) -> Iterable[bytes]:
        return respond(refusal(environ) or _answer(google, environ), start_response)

    return called


def _answer(google: Google, environ: Environ) -> Answer:
    google.touch()
    path = environ.get("PATH_INFO", "")
    if path.startswith(_OURS):
        return _controlled(google, path.removeprefix(_OURS), environ)
    if path == CERTIFICATES:
        return _certificates(google)
    if path.startswith(storage.ROOMS):
        return rest.answer(google, environ, storage.answer, worded=False)
    if path.startswith(("/v1/", "/v2/")):
        return rest.answer(google, environ, rest.called)
    return metadata.answer(google, environ)


def _certificates(google: Google) -> Answer:
    from . import identity_tokens

    return as_json(identity_tokens.certificates(google))


def _controlled(google: Google, what: str, environ: Environ) -> Answer:
    try:
        found = _control(google, f"{environ['REQUEST_METHOD']} {what}", environ)
    except (AlError, ValueError, TypeError) as error:
        return as_json({"error": str(error)}, 400)
    return Answer(status=404) if found is None else as_json(found)


def _control(google: Google, what: str, environ: Environ) -> Any:
    """What is asked of the sandbox, as Google knows nothing of; None when it is nothing."""
    match what:
        case "GET calls":
            needs = [asked.to_dict() for asked in google.recording.calls()]
            return {"needs": needs, "counts": dict(google.counts)}
        case "DELETE calls":
            google.recording.clear()
            google.counts = Counter()
        case "POST settings":
            google.settings = google.settings.changed(body(environ))
        case "POST faults":
            google.faults.order(**body(environ))
        case "POST tick":
            from .timers import CloudScheduler

            return {"fired": google.served(CloudScheduler).clock.tick()}
        case "POST reset":
            google.reset()
        case _:
            return None
    return {}


def body(environ: Environ) -> Mapping[str, Any]:
    """The request's JSON object.  Raises ValueError."""
    data = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    found = json.loads(data or b"{}")
    if not isinstance(found, dict):
        raise ValueError("the body is not a JSON object")
    return found


def as_json(value: object, status: int = 200) -> Answer:
    headers = (("Content-Type", "application/json; charset=UTF-8"),)
    return Answer(status=status, headers=headers, body=json.dumps(value).encode())
