"""Google's errors as ours: one table, and the context manager that every call to Google is made in.

Codes are those of gRPC (https://cloud.google.com/apis/design/errors).  Nothing here repeats a request: it may hold a
secret.  Imports no google library: its errors are known by their classes' names.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from toolkit.core.errors import (
    AccessDenied,
    AlError,
    AlreadyExists,
    ConfigError,
    Conflict,
    LimitExceeded,
    NotFound,
    Throttled,
    Unreachable,
)


class Meaning(NamedTuple):
    """Which of our errors it is, and what to do next."""

    kind: type[AlError]
    hint: str


_LONGEST = 600  # characters of a service's message that are worth reading

_LOG_IN = Meaning(
    AccessDenied,
    "log in with application default credentials, or store a key: `al creds add gcp_service_account`",
)
_DENIED = Meaning(
    AccessDenied,
    "give this identity the permission named above; docs/gcp.md has the operator's roles",
)
_ABSENT = Meaning(NotFound, "run `al push` for this environment, or check the project and region")
_TAKEN = Meaning(AlreadyExists, "choose another name, or remove what has it")
_BUSY = Meaning(Conflict, "something else is changing it: wait a minute and run the command again")
_SLOWER = Meaning(
    Throttled, "a quota of the project is used up: wait a minute, or ask for more in the console"
)
_DOWN = Meaning(
    Unreachable, "the service failed: try again, and see https://status.cloud.google.com"
)
_OFFLINE = Meaning(Unreachable, "check the network; for the sandbox run `al sandbox status`")
_REFUSED = Meaning(
    AlError, "the message says which setting Google does not take: change it, and try again"
)
_MISTAKE = Meaning(AlError, "this is a mistake in al: please report it with the output of --debug")

# by the name of the class in google.api_core.exceptions and google.auth.exceptions; the nearest ancestor counts
_BY_CLASS: Mapping[str, Meaning] = {
    "Unauthenticated": _LOG_IN,
    "Unauthorized": _LOG_IN,
    "Forbidden": _DENIED,
    "NotFound": _ABSENT,
    "AlreadyExists": _TAKEN,
    "Aborted": _BUSY,
    "Conflict": _BUSY,
    "FailedPrecondition": _BUSY,
    "ResourceExhausted": _SLOWER,
    "TooManyRequests": _SLOWER,
    "InvalidArgument": _REFUSED,
    "OutOfRange": _REFUSED,
    "BadRequest": _REFUSED,
    "DeadlineExceeded": _DOWN,
    "GatewayTimeout": _DOWN,
    "ServiceUnavailable": _OFFLINE,
    "ServerError": _DOWN,
    "RetryError": _DOWN,
    "Cancelled": _BUSY,
    "GoogleAPICallError": _REFUSED,
    "GoogleAPIError": _REFUSED,
    "DefaultCredentialsError": _LOG_IN,
    "RefreshError": _LOG_IN,
    "TransportError": _OFFLINE,
    "GoogleAuthError": _LOG_IN,
}
# How errors come over HTTP: the status of the answer, where its JSON has no word that is one of the names above.
_BY_STATUS: Mapping[int, str] = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    429: "TooManyRequests",
    503: "ServiceUnavailable",
    504: "GatewayTimeout",
}
# What a push needs before it can enable the other APIs, its lease and the project's number included.
BY_HAND = "Cloud Resource Manager, Service Usage, IAM and Cloud Firestore"
# https://cloud.google.com/apis/design/errors#error_info: SERVICE_DISABLED, in words
_DISABLED = re.compile(r"API has not been used|SERVICE_DISABLED|it is disabled")
# Sentences that say more than their code, most telling first.
_BY_WORDS: tuple[tuple[re.Pattern[str], Meaning], ...] = (
    (
        _DISABLED,
        Meaning(
            ConfigError,
            f"a first push needs {BY_HAND}, and Cloud Storage, which new projects have: enable them by hand; it "
            "enables all others itself",
        ),
    ),
    (
        re.compile(r"actAs|iam\.serviceaccounts\.actAs", re.IGNORECASE),
        Meaning(
            AccessDenied,
            "allow this identity to act as the agents' service accounts (roles/iam.serviceAccountUser on each)",
        ),
    ),
    (
        # https://cloud.google.com/run/docs/troubleshooting#container-failed-to-start
        re.compile(r"cannot serve traffic|failed to start and listen"),
        Meaning(
            AlError,
            "its program ended or never listened: Cloud Logging says why, under the revision that is named above",
        ),
    ),
    (
        re.compile(r"requires an index"),
        Meaning(AlError, "this is a mistake in al, which declares its indexes: please report it"),
    ),
    (
        re.compile(r"[Mm]aximum (number|total)|limit of .* jobs"),
        Meaning(
            LimitExceeded, "remove what is not needed, or ask for more in the console's quotas"
        ),
    ),
)


def meaning(name: str, message: str = "") -> Meaning | None:
    """What an error class's name and its message mean; None when nobody told us."""
    for words, found in _BY_WORDS:
        if words.search(message):
            return found
    return _BY_CLASS.get(name)


@contextmanager
def translated(doing: str, *, hints: Mapping[str, str] | None = None) -> Iterator[None]:
    """Errors of Google's libraries raised inside become ours: `doing`, Google's words, and the most specific hint.

    `hints` replaces the table's hint, by our class's name (`{"NotFound": "..."}`).  Everything else passes untouched.
    """
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith(("google.", "grpc.")):
            raise
        raise _translation(error, doing, hints or {}) from error


class Refusal(Exception):
    """What Google refused over HTTP; `name` is the class that its libraries have for it."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def refusal(doing: str, status: int, word: str, message: str) -> AlError:
    """An answer of an API over HTTP as one of ours: its status, the word in its JSON (`FAILED_PRECONDITION`), its message
    (https://cloud.google.com/apis/design/errors#http_mapping)."""
    name = word.title().replace("_", "")
    if name not in _BY_CLASS:
        name = _BY_STATUS.get(status) or ("ServerError" if status >= 500 else "BadRequest")
    found = meaning(name, message) or _MISTAKE
    error = found.kind(f"{doing}: {message[:_LONGEST]}", hint=found.hint)
    error.__cause__ = Refusal(name, message)
    return error


def disabled(error: AlError) -> bool:
    """Whether it says that the project has not enabled the API that was asked."""
    return isinstance(error, ConfigError) and bool(_DISABLED.search(error.message))


def reason_of(error: BaseException | None) -> str:
    """Google's `ErrorInfo.reason` of an error, or of one of ours that came from it; "" where there is none
    (https://cloud.google.com/apis/design/errors#error_info)."""
    while isinstance(error, AlError):
        error = error.__cause__
    return str(getattr(error, "reason", None) or "")


def class_of(error: BaseException | None) -> str:
    """The name of Google's class of an error, or of one of ours that came from it; "" where there is none."""
    while isinstance(error, AlError):
        error = error.__cause__
    if isinstance(error, Refusal):
        return error.name
    return type(error).__name__ if error is not None else ""


def _translation(error: Exception, doing: str, hints: Mapping[str, str]) -> AlError:
    message = _said(error)
    ancestors = (c.__name__ for c in type(error).__mro__)
    found = next(filter(None, (meaning(name, message) for name in ancestors)), _MISTAKE)
    hint = hints.get(found.kind.__name__) or found.hint
    return found.kind(f"{doing}: {message[:_LONGEST]}{_violations(error)}", hint=hint)


def _said(error: Exception) -> str:
    """Its words alone: google.auth's errors come with what caused them and with whole answers, which may be long."""
    if message := getattr(error, "message", None):
        return str(message)
    parts = [str(part) for part in error.args if isinstance(part, str | Exception)]
    return "; ".join(parts) or str(error)


def _violations(error: Any) -> str:
    """The fields that a request was refused for (google.rpc.BadRequest)."""
    fields = [
        f"{violation.field}: {violation.description}"
        for detail in getattr(error, "details", None) or ()
        for violation in getattr(detail, "field_violations", ())
    ]
    return f" ({'; '.join(fields)[:_LONGEST]})" if fields else ""
