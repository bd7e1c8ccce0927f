"""Every deliberate error, with the exit code that `al` ends with.

    AlError 1                                      (temporary = False)
    ├─ ConfigError 2 ─┬─ UnknownPlugin 2
    │                 └─ UsageError 2
    ├─ CredentialError 1
    ├─ AccessDenied 1
    ├─ NotFound 1
    ├─ AlreadyExists 1
    ├─ Conflict 1
    ├─ LimitExceeded 1
    ├─ StorageError 1
    ├─ LaunchError 1 ── BackendBusy 75
    ├─ DriftFound 3
    ├─ Unreachable 1                               (temporary = True)
    └─ Throttled 1                                 (temporary = True)

An error says what happened and, in `hint`, what to do next.  Only `toolkit/cli.py` turns one into text.
"""

from collections.abc import Sequence
from difflib import get_close_matches


class AlError(Exception):
    """Something went wrong in a way that we understand.

    `message` is one sentence about what happened, `hint` one about what to do next; neither may hold a
    secret.  `temporary` tells the retry helper whether trying again can help.
    """

    exit_code = 1
    temporary = False

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(AlError):
    """The user's files or options are wrong."""

    exit_code = 2


class UsageError(ConfigError):
    """The command was called in a way that cannot be carried out."""


class UnknownPlugin(ConfigError):
    """No plug-in of this kind has this name."""

    def __init__(self, kind: str, name: str, known: Sequence[str]) -> None:
        close = get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"use one of: {', '.join(sorted(known))}"
        super().__init__(f"no {kind} named {name!r}", hint=hint)


class CredentialError(AlError):
    """A credential is missing or malformed."""


class AccessDenied(AlError):
    """The cloud refused the caller."""


class NotFound(AlError):
    """The thing that was asked for is not there."""


class AlreadyExists(AlError):
    """The name is taken."""


class RunTaken(AlreadyExists):
    """A new run was given the id of another one, of 4,294,967,296 that an agent has: another id does."""


class Conflict(AlError):
    """Somebody else changed it, holds it, or owns it."""


class LimitExceeded(AlError):
    """A documented limit of a service would be, or was, exceeded."""


class StorageError(AlError):
    """What this machine keeps cannot be read or written: its disk is full or broken, or somebody else's."""


class LaunchError(AlError):
    """A run could not be started.  `cause` is a value of core.run.Cause; some causes pass by themselves."""

    def __init__(
        self, message: str, *, hint: str, cause: str = "never_started", temporary: bool = False
    ) -> None:
        super().__init__(message, hint=hint)
        self.cause = cause
        self.temporary = temporary


class BackendBusy(LaunchError):
    """The run waited for its turn at its model's server, and gave up; the same again later may have it.

    75 is EX_TEMPFAIL: https://man.openbsd.org/sysexits.3
    """

    exit_code = 75

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message, hint=hint, cause="backend_busy")


class DriftFound(AlError):
    """The account is not what the project says, or something was left behind."""

    exit_code = 3


class Unreachable(AlError):
    """An endpoint did not answer."""

    temporary = True


class Throttled(AlError):
    """The service asked us to slow down."""

    temporary = True
