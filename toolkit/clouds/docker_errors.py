"""Docker's errors as ours: one table, and the context manager that every call to a daemon is made in.

Answers are told apart by their status (https://docs.docker.com/reference/api/engine/).  Nothing here repeats a request.
Imports no docker library: its errors are known by their classes' names.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from toolkit.core.errors import (
    AccessDenied,
    AlError,
    Conflict,
    NotFound,
    Throttled,
    Unreachable,
)

_LONGEST = 600  # characters of a daemon's message that are worth reading
_ANSWERS: Mapping[int, tuple[type[AlError], str]] = {
    400: (AlError, "the message says which setting Docker does not take: change it, and try again"),
    401: (AccessDenied, "log in to the registry with `docker login`"),
    403: (AccessDenied, "the message says what is not allowed"),
    404: (NotFound, "run the agent again with `al run`, which prepares it"),
    409: (Conflict, "something else is changing it: run the command again"),
    429: (Throttled, "wait a minute and run it again"),
}
DOWN = "see whether it runs with `docker info`; DOCKER_HOST or [local] dockerHost names another"
_FAILED = "the daemon failed: see its own log, and try again"


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Every error of docker's library, and of what it stands on, as one of ours."""
    try:
        yield
    except AlError:
        raise
    except PermissionError as error:
        raise _closed(doing) from error
    except Exception as error:
        if (ours := _ours(doing, error)) is None:
            raise
        raise ours from error


def status_of(error: AlError) -> int | None:
    """The status of the daemon's answer that became `error`, None when there was none."""
    return getattr(getattr(error.__cause__, "response", None), "status_code", None)


def _ours(doing: str, error: Exception) -> AlError | None:
    names = {kind.__name__ for kind in type(error).__mro__}
    if "APIError" in names:
        status = getattr(getattr(error, "response", None), "status_code", None) or 500
        kind, hint = _ANSWERS.get(status, (AlError, _FAILED))
        words = str(getattr(error, "explanation", None) or error)
        return kind(f"{doing}: {words[:_LONGEST]}", hint=hint)
    if names & {"DockerException", "RequestException", "HTTPError"} or isinstance(error, OSError):
        if "Permission denied" in str(error):
            return _closed(doing)
        return Unreachable(f"{doing}: Docker does not answer ({type(error).__name__})", hint=DOWN)
    return None


def _closed(doing: str) -> AlError:
    return AccessDenied(
        f"{doing}: this user may not use Docker's socket",
        hint="add yourself to the group docker, which is as good as root, or use rootless Docker",
    )
