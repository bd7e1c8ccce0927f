"""What a run may spend, and what it has spent: tokens, dollars, turns, seconds.

A budget is looked at between two steps: the answer that went over it is the last one.
"""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic_ai.usage import RequestUsage


class OverBudget(Exception):
    """The run has spent what it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """`[budget]` of an agent.  `cost` is in US dollars; None is without limit."""

    tokens: int | None = None
    cost: Decimal | None = None
    turns: int | None = None
    seconds: float | None = None

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "Budget":
        cost = data.get("cost")
        return cls(
            tokens=data.get("tokens"),
            cost=None if cost is None else Decimal(str(cost)),
            turns=data.get("turns"),
            seconds=data.get("seconds"),
        )

    @property
    def late(self) -> str:
        return f"the run's budget of {self.seconds:g} seconds is used up"

    def check(self, spent: "Spending") -> None:
        """Raises OverBudget with the first limit that is reached."""
        if self.tokens is not None and spent.tokens >= self.tokens:
            raise OverBudget(
                f"the run's budget of {self.tokens} tokens is used up: {spent.tokens} so far"
            )
        if self.cost is not None:
            self._check_cost(self.cost, spent)
        if self.turns is not None and spent.turns >= self.turns:
            raise OverBudget(f"the run's budget of {self.turns} turns is used up")

    def _check_cost(self, limit: Decimal, spent: "Spending") -> None:
        if spent.cost is None:
            raise OverBudget(f"the run's budget is {limit:f} USD, and an answer had no known price")
        if spent.cost >= limit:
            raise OverBudget(
                f"the run's budget of {limit:f} USD is used up: {spent.cost:.4f} so far"
            )


class Spending:
    """All answers of a run together, those to our own questions too.  `cost` is None as soon as one has no price."""

    def __init__(self) -> None:
        self.turns = 0
        self.cost: Decimal | None = Decimal(0)
        self._input = self._output = self._read = self._write = 0

    @property
    def tokens(self) -> int:
        return self._input + self._output

    def add(self, usage: "RequestUsage", cost: Decimal | None) -> None:
        self._input += usage.input_tokens
        self._output += usage.output_tokens
        self._read += usage.cache_read_tokens
        self._write += usage.cache_write_tokens
        self.cost = None if cost is None or self.cost is None else self.cost + cost

    def plus(self, usage: "RequestUsage", cost: Decimal | None) -> "Spending":
        """With an answer that is not whole yet."""
        both = copy(self)
        both.add(usage, cost)
        return both

    def report(self) -> dict[str, Any]:
        """As the run's record keeps it."""
        return {
            "inputTokens": self._input,
            "outputTokens": self._output,
            "cacheReadTokens": self._read,
            "cacheWriteTokens": self._write,
            "totalTokens": self.tokens,
            "cost": None if self.cost is None else float(self.cost),
            "turnCount": self.turns,
        }
