"""How a run ended, in the words of the report that its launcher reads."""

import json
import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from toolkit.core.errors import (
    AccessDenied,
    AlError,
    ConfigError,
    CredentialError,
    NotFound,
    Throttled,
    Unreachable,
)
from toolkit.core.run import RunState

OK, ERROR, RERUN, TIMED_OUT, STOPPED = 0, 1, 42, 124, 143

# The vocabulary that agents and the predecessor share.
MEANING: Mapping[int, str] = {
    10: "authentication failed",
    11: "permission denied",
    12: "rate limited",
    13: "invalid configuration",
    14: "a service that it depends on failed",
    15: "unrecoverable",
    16: "aborted by the user",
    17: "budget used up",
    TIMED_OUT: "timed out",
}
_CODES: tuple[tuple[type[AlError], int], ...] = (
    (CredentialError, 14),
    (ConfigError, 13),
    (AccessDenied, 11),
    (Throttled, 12),
    (Unreachable, 14),
    (NotFound, 14),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`exit_code` is also the container's.  `reason` is empty when all went well."""

    exit_code: int
    state: RunState
    reason: str = ""
    return_value: str | None = None
    usage: Mapping[str, Any] | None = None

    @classmethod
    def of_code(cls, code: int, what: str, *, reason: str = "", rerun: bool = True) -> "Outcome":
        """What a process that ended with `code` means; `what` names it: 'the script'.

        `rerun`: whether RERUN asks for another run; by `al-exit` it is a number like any other."""
        if code == OK or (code == RERUN and rerun):
            return cls(exit_code=code, state=RunState.SUCCEEDED)
        return cls(exit_code=code, state=RunState.FAILED, reason=reason or f"{what} {_words(code)}")

    @classmethod
    def of_error(cls, error: AlError) -> "Outcome":
        code = next((code for kind, code in _CODES if isinstance(error, kind)), ERROR)
        return cls(exit_code=code, state=RunState.FAILED, reason=f"{error.message} ({error.hint})")

    @classmethod
    def of_verdict(cls, verdict: RunState, seconds: float) -> "Outcome":
        if verdict is RunState.TIMED_OUT:
            reason = f"the run reached its timeout of {seconds:g} s"
            return cls(exit_code=TIMED_OUT, state=verdict, reason=reason)
        return cls(exit_code=STOPPED, state=verdict, reason="stopped on request")

    def with_(self, **changes: Any) -> "Outcome":
        return replace(self, **changes)

    def report(self, finished: str) -> dict[str, Any]:
        """The JSON that the mailbox keeps."""
        body = {
            "exit_code": self.exit_code,
            "state": str(self.state),
            "reason": self.reason,
            "finished": finished,
            "return_value": self.return_value,
            "usage": dict(self.usage) if self.usage else None,
            "rerun": self.exit_code == RERUN and self.state is RunState.SUCCEEDED,
        }
        # half of a surrogate pair, in somebody's error message, is no text that a table takes
        valid = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        return cast("dict[str, Any]", json.loads(valid))


def _words(code: int) -> str:
    if code in MEANING:
        return f"ended with exit code {code}: {MEANING[code]}"
    if code > 128 and code - 128 in set(signal.Signals):
        name = signal.Signals(code - 128).name
        hint = ", as when memory runs out" if name == "SIGKILL" else ""
        return f"was ended by {name} (exit code {code}{hint})"
    return f"ended with exit code {code}"
