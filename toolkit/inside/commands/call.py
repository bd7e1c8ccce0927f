"""`al-call AGENT` (`al-subagent`): ask another agent for work; what it is to do comes on stdin, or as further words.

It does not wait: the answer has a callId, for `al-check` and `al-wait`.
"""

import sys
import time
from collections.abc import Mapping, Sequence

from toolkit.core.errors import LimitExceeded, UsageError
from toolkit.inside.gateway_client import Answer, Gateway
from toolkit.inside.signals import MOST_CONTEXT

from ._frame import asked, guarded, words
from ._masking import masked

TRIES = 3
PAUSE = 1.0  # seconds between two tries


def call(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0].startswith("-"):
        raise UsageError("no agent named", hint='use it as: echo "what to do" | al-call AGENT')
    context = words(arguments[1:]) or _standard_input()
    if len(context.encode()) > MOST_CONTEXT:
        raise LimitExceeded(
            f"what an agent is asked has at most {MOST_CONTEXT:,} bytes",
            hint="store the rest somewhere and say where it is",
        )
    body = {"targetAgent": words(arguments[:1]), "context": masked(context), "callId": _new_id()}
    return asked(lambda gateway: _placed(gateway, body))


def _placed(gateway: Gateway, body: Mapping[str, str]) -> Answer:
    """Asked again when the answer was lost: the gateway knows the call by its id, and places it once."""
    for _ in range(TRIES - 1):
        answer = gateway.ask("POST", "/calls", body)
        if not answer.passing:
            return answer
        time.sleep(PAUSE)
    return gateway.ask("POST", "/calls", body)


def _new_id() -> str:
    from uuid import uuid4

    return str(uuid4())


def _standard_input() -> str:
    if sys.stdin.isatty():
        return ""
    return sys.stdin.buffer.read(MOST_CONTEXT + 2).decode("utf-8", "replace").rstrip("\n")


def main(arguments: Sequence[str]) -> int:
    return guarded(lambda: call(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
