"""What every noun of the inventory works with: the clients, the names, whose a thing is, and waiting for its end."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from toolkit.clouds.aws import Clients, code_of
from toolkit.core.errors import AlError, Conflict, Unreachable
from toolkit.core.names import Names
from toolkit.core.parallel import at_once
from toolkit.core.plan import Item
from toolkit.core.retry import retrying

T = TypeVar("T")
R = TypeVar("R")

# Reads in flight for each service.  Lambda, the slowest, answers 15 control calls a second
# (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html); what is throttled is asked again.
AT_ONCE = 8
PATIENCE = 60.0  # seconds in which a throttled or lost call is tried again
GONE_SECONDS = 120.0  # for a deletion, which most services finish after they have answered


class Noun(Protocol):
    """One kind of thing: looking for it, and taking it away."""

    kind: str

    def observe(self) -> Iterable[Item]:
        """Everything under our names, whoever owns it, with its tags.  An attribute `kept` says why ours must stay."""

    def remove(self, item: Item) -> None:
        """As core.ports.Inventory.remove."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Custody:
    """One environment's names, whose a thing is by them, and patience; the same on every cloud."""

    names: Names
    sleep: Callable[[float], None] = time.sleep

    def each(self, ask: Callable[[T], R], things: Iterable[T]) -> list[R]:
        """`ask` of all things, several at a time, patiently."""
        return at_once(lambda thing: self.patiently(lambda: ask(thing)), things, most=AT_ONCE)

    def patiently(self, call: Callable[[], T]) -> T:
        return retrying(call, seconds=PATIENCE, sleep=self.sleep)

    def refuse_foreign(self, item: Item, tags: Mapping[str, str]) -> None:
        """Raises Conflict unless these, its present tags, are ours."""
        if not self.names.owns(dict(tags)):
            raise Conflict(
                f"the {words(item.kind)} {item.name} is not this environment's: it lacks its tags",
                hint="it stays; remove it by hand if nobody needs it",
            )

    def until_gone(
        self, item: Item, look: Callable[[], object], *, seconds: float = GONE_SECONDS
    ) -> None:
        """Wait until `look` finds nothing.  Raises Conflict when it still does after `seconds`."""

        def again() -> None:
            if look():
                raise _StillThere(f"{item.name} is there", hint="wait")

        try:
            retrying(again, seconds=seconds, first=0.1, sleep=self.sleep)
        except _StillThere as error:
            raise Conflict(
                f"the {words(item.kind)} {item.name} is still there {seconds:.0f} s after it was deleted",
                hint="run the same command again in a few minutes: it goes on from there",
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Account(Custody):
    """One account and region on AWS."""

    clients: Clients

    def client(self, service: str) -> Any:
        return self.clients.client(service)

    def begins(self, limit: int) -> str:
        """What our names of at most `limit` characters begin with.  Nothing else is looked at more closely: an
        operator's policy allows no more (infra/desired/operator_names.py)."""
        return self.names.beginning(limit)

    def while_busy(
        self, call: Callable[[], T], codes: Sequence[str], *, seconds: float = GONE_SECONDS
    ) -> T:
        """`call()`, again while the service refuses with one of these codes because something is still under way."""

        def refused(error: AlError) -> bool:
            return error.temporary or code_of(error) in codes

        return retrying(call, seconds=seconds, retry=refused, sleep=self.sleep)


class _StillThere(Unreachable):
    """Temporary: deletions are eventually seen."""


def words(kind: str) -> str:
    return kind.replace("_", " ")


def mapping(
    pairs: Iterable[Mapping[str, str]], key: str = "Key", value: str = "Value"
) -> dict[str, str]:
    """Tags as a mapping, from the list of pairs that most services answer with."""
    return {pair[key]: pair[value] for pair in pairs}
