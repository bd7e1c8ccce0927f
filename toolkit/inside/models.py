"""The models of a session, made ready: what each is asked with, how much it holds, and what its answers cost.

What is decided here is said in the log before the first request.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from toolkit.core.agent import Model
from toolkit.core.errors import ConfigError
from toolkit.core.secrets import Secret
from toolkit.llm.models import live_model, parse_model
from toolkit.llm.parameters import Parameters, parameters
from toolkit.llm.patience import SILENCE, Patient
from toolkit.llm.prices import Price, cost, is_known
from toolkit.llm.providers import provider
from toolkit.llm.window import window_of

from .budget import Budget, Spending
from .compaction import Compacting, Room
from .records import Records

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelResponse
    from pydantic_ai.models import Model as LiveModel

    from toolkit.llm.ollama import Ollama

_PERCENT, _PERCENT_AT_HOME = 80, 60  # of the window, where nobody says: windows at home are small


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    model: Model
    live: "LiveModel"
    parameters: Parameters
    price: Price | None
    key: Secret | None


class SessionModels:
    """In the order in which they are asked."""

    def __init__(self, entries: Sequence[_Entry], records: Records, spent: Spending) -> None:
        self._entries, self._records, self._spent = tuple(entries), records, spent
        self._unpriced = False

    @classmethod
    def of(
        cls, data: Sequence[Mapping[str, Any]], records: Records, spent: Spending
    ) -> "SessionModels":
        """`data` as in a run's secret, keys included.  Raises ConfigError and CredentialError."""
        return cls([_entry(one) for one in data], records, spent)

    def check(self, budget: Budget) -> None:
        """Raises ConfigError where a budget of money could not be kept, because a price is not known."""
        if budget.cost is None:
            return
        for entry in self._entries:
            if not is_known(entry.live, entry.price):
                raise ConfigError(
                    f"the agent has a budget in money, and nobody knows what {entry.model.name} costs",
                    hint="set price = { input = ..., output = ... } beside its provider in config.toml, "
                    "in US dollars for a million tokens",
                )

    async def asked(self) -> "LiveModel":
        """All of them as one, which waits, changes to the next, and keeps the conversation in their window."""
        room = await self._room()
        self._begin(room)
        patient = Patient(
            [entry.live for entry in self._entries],
            tell=self._tell,
            heard=self._heard,
            begun=self._begun,
            silence=[
                float(e.parameters.session.get("first_output", SILENCE)) for e in self._entries
            ],
        )
        return Compacting(patient, room=room, tell=self._told)

    async def _room(self) -> Room | None:
        """The smallest window, because each of them may be asked."""
        found = await asyncio.gather(
            *(window_of(e.model, e.live, e.parameters.window, e.key) for e in self._entries)
        )
        for entry, window in zip(self._entries, found, strict=True):
            if entry.model.provider == "ollama":
                cast("Ollama", entry.live).window = window.tokens
            if window.note:
                self._tell(window.note, {"model": entry.live.model_name})
        known = [window.tokens for window in found if window.tokens]
        return Room(window=min(known), percent=self._percent()) if known else None

    def _percent(self) -> int:
        first = self._entries[0]
        at_home = provider(first.model.provider).keyless
        default = _PERCENT_AT_HOME if at_home else _PERCENT
        return int(first.parameters.session.get("compact_pct") or default)

    def _begin(self, room: Room | None) -> None:
        first = self._entries[0]
        self._records.line(
            "info",
            "creating agent session",
            model=first.live.model_name,
            name=first.model.name,
            provider=first.model.provider,
            baseUrl=first.live.base_url,
            thinking=first.model.thinking_level,
            windowTokens=room.window if room else None,
            compactAtTokens=room.trigger if room else None,
            fallbacks=[entry.live.model_name for entry in self._entries[1:]],
        )
        for entry in self._entries:
            for note in entry.parameters.notes:
                self._tell(note, {"model": entry.live.model_name})

    def _begun(self, place: int, response: "ModelResponse") -> None:
        """Told at once: a run that is ended in the middle of an answer has no time to tell it."""
        dollars = cost(response, self._entries[place].price)
        self._records.usage(self._spent.plus(response.usage, dollars).report())

    def _heard(self, place: int, response: "ModelResponse") -> None:
        entry = self._entries[place]
        dollars = cost(response, entry.price)
        self._spent.add(response.usage, dollars)
        self._records.usage(self._spent.report())
        if dollars is None and not self._unpriced:
            self._unpriced = True
            model = entry.live.model_name
            self._records.line("info", "no price is known, so the run has no cost", model=model)

    def _tell(self, msg: str, fields: Mapping[str, Any]) -> None:
        self._records.line("warn", msg, **fields)

    def _told(self, msg: str, fields: Mapping[str, Any]) -> None:
        self._records.line("info", msg, **fields)


def _entry(data: Mapping[str, Any]) -> _Entry:
    model = parse_model(data)
    found = parameters(model)
    price, key = found.session.get("price"), Secret(data["key"]) if data.get("key") else None
    return _Entry(
        model=model,
        live=live_model(model, key),
        parameters=found,
        price=Price.of(price) if price else None,
        key=key,
    )
