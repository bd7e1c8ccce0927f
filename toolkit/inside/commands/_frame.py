"""What the commands share: success, the gateway's answer, and failure in words."""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from toolkit.core.errors import AlError
from toolkit.inside.gateway_client import Answer, Gateway
from toolkit.inside.signals import Signals

from ._masking import masked

OK = 0
WRONG_USE = 9  # the predecessor's code for it, which agents' scripts may test
NO_GATEWAY = 5
ALONE = {"ok": False, "reason": "this run has no gateway: locks and calls between agents need one"}


def run(command: Callable[[Sequence[str], Signals], None], arguments: Sequence[str]) -> int:
    """The exit code of a command that leaves a signal."""

    def send() -> int:
        command(arguments, Signals.of(os.environ))
        return show({"ok": True})

    return guarded(send)


def guarded(command: Callable[[], int]) -> int:
    """The command's exit code; WRONG_USE, with the reason on stderr, when it could not do its part."""
    try:
        return command()
    except (AlError, OSError) as error:
        hint = f" ({error.hint})" if isinstance(error, AlError) else ""
        sys.stderr.write(f"error: {error}{hint}\n")
        return WRONG_USE


def words(arguments: Sequence[str]) -> str:
    """The arguments as one text; bytes that were no UTF-8 become question marks."""
    return " ".join(arguments).encode("utf-8", "replace").decode()


def show(value: Mapping[str, Any], code: int = OK) -> int:
    _print(json.dumps(value, separators=(",", ":"), ensure_ascii=False))
    return code


def _print(text: str) -> None:
    """In UTF-8, whatever the agent has made of its locale."""
    sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")
    sys.stdout.buffer.flush()


def answered(answer: Answer) -> int:
    """Prints the gateway's answer as it came; the exit code that stands for its status."""
    if answer.status:
        _print(answer.text.rstrip("\n"))
    else:
        sys.stderr.write(f"error: the gateway cannot be reached: {answer.text}\n")
    return answer.exit_code


def asked(question: Callable[[Gateway], Answer]) -> int:
    """The exit code of a command that is nothing but a question to the gateway."""
    gateway = Gateway.of(os.environ)
    return answered(question(gateway)) if gateway else show(ALONE, NO_GATEWAY)


def tell(path: str, body: Mapping[str, str]) -> None:
    """Tell the gateway, if there is one, what the run's own report will say again: only stderr hears of a failure."""
    gateway = Gateway.of(os.environ)
    shown = {name: masked(text) for name, text in body.items()}
    answer = gateway.ask("POST", path, shown) if gateway else None
    if answer and answer.exit_code != OK:
        what = f"status {answer.status}" if answer.status else answer.text
        sys.stderr.write(
            f"note: the gateway did not hear it ({what}); the run's report will say it\n"
        )
