"""Listens to a run of Pulumi's engine: progress while it runs, and what failed when it ends.

What Pulumi prints is written for its own terminal; its events name the resource and hold the cloud's own words.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from toolkit.core.errors import AlError, Conflict

from . import events, locks
from .pulumi_cli import automation
from .secrets_provider import Protection

_TAIL = 2_000  # characters of Pulumi's output that an error quotes: its last lines say what failed
_MOST = 5  # failures that an error names
_COLOUR = re.compile(r"<\{%.*?%\}>")
_STACK = "pulumi:pulumi:Stack"
_AGAIN = "correct what is named, and run the same command again: it goes on from there"


Meaning = Callable[[str], tuple[type[AlError], str] | None]


class Diagnosis:
    """One run.  `hear` gets every event of it, from a thread of the SDK's."""

    def __init__(
        self,
        progress: Callable[[str], None] = lambda _: None,
        *,
        meaning: Meaning = lambda _: None,
    ) -> None:
        """`meaning` is what the cloud's words in Pulumi's output come to (provider.py)."""
        self._progress, self._meaning = progress, meaning
        self.heard: list[Any] = []
        self._problems: dict[str, None] = {}  # in order, each once

    def say(self, line: str) -> None:
        """A line of progress of our own."""
        self._progress(line)

    def hear(self, event: Any) -> None:
        """One event of Pulumi's."""
        self.heard.append(event)
        finished, said = event.res_outputs_event, event.diagnostic_event
        if finished and (line := events.progress(finished.metadata)):
            self._progress(line)
        if said and said.severity == "error" and not said.ephemeral:
            self._problems[_sentence(said.urn or "", said.message)] = None

    @property
    def problems(self) -> tuple[str, ...]:
        """What failed, each with its resource.  The stack's own "update failed" adds nothing to them."""
        named = [p for p in self._problems if p and not p.startswith("update failed")]
        return tuple(named)

    @contextmanager
    def translated(self, doing: str, protection: Protection) -> Iterator[None]:
        """Errors of Pulumi raised inside become ours: what failed, or the last lines that it printed."""
        api = automation()
        try:
            yield
        except api.ConcurrentUpdateError as error:
            raise Conflict(
                f"{doing}: another run of Pulumi holds this environment ({locks.holders(str(error))})",
                hint="wait for it; when it was killed, `pulumi cancel` with the same backend frees the state",
            ) from None
        except api.CommandError as error:
            raise self._error(doing, str(error), protection) from None

    def _error(self, doing: str, printed: str, protection: Protection) -> AlError:
        found = self.problems
        if "incorrect passphrase" in printed:
            return AlError(
                f"{doing}: the passphrase of Pulumi's state is another one",
                hint="set PULUMI_CONFIG_PASSPHRASE to the one that the first push had",
            )
        if not found:
            return AlError(f"{doing}: {protection.hidden(printed)[-_TAIL:].strip()}", hint=_AGAIN)
        more = f"; and {len(found) - _MOST} more" if len(found) > _MOST else ""
        text = protection.hidden("; ".join(found[:_MOST]))[:_TAIL] + more
        kind, hint = self._meaning(text) or (AlError, _AGAIN)
        return kind(f"{doing}: {text}", hint=hint)


def _sentence(urn: str, message: str) -> str:
    """`role al-dev: ...`; what is said of the stack as a whole stands alone."""
    words = " ".join(_COLOUR.sub("", message).split())
    token, _, name = urn.rpartition("::")
    token = token.rpartition("::")[2].rpartition("$")[2]
    return words if not token or token == _STACK else f"{events.called(token, name)}: {words}"
