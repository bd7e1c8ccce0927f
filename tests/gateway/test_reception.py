"""Deliveries that come at the same time, on their way from the event loop to the ledger and back."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from gateway.delivery import Outcome
from gateway.reception import Soon
from toolkit.core.work import Accepted, Delivery

Then = Callable[[Accepted | BaseException], None]


class Books:
    """Takes deliveries and answers at once; what it gets is noted.  One without a source it cannot write."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def accept_soon(self, delivery: Delivery, work: Sequence[Any], then: Then) -> None:
        if not delivery.source:
            raise ValueError(f"{delivery.id} cannot be written")
        self.seen.append(f"kept {delivery.id}")
        then(Accepted(receipt=delivery.id))


def a_delivery(name: str, source: str = "hub") -> Delivery:
    return Delivery(id=name, source=source, received="2026-11-20T12:00:00.000Z")


async def sent(books: Books, *deliveries: Delivery, leaves: int | None = None) -> list[Any]:
    """What each sender hears of deliveries that come in one turn of the loop; one of them may not wait for it."""
    soon = Soon(books)

    async def send(delivery: Delivery) -> str:
        books.seen.append(f"came {delivery.id}")
        return (await soon.accept(Outcome(), delivery)).receipt

    senders = [asyncio.ensure_future(send(delivery)) for delivery in deliveries]
    if leaves is not None:
        await asyncio.sleep(0)
        senders[leaves].cancel()
    return await asyncio.gather(*senders, return_exceptions=True)


def test_what_comes_in_one_turn_is_handed_over_together() -> None:
    """The ledger would commit the first alone, and the others would wait for two commits."""
    books = Books()
    answers = asyncio.run(sent(books, *map(a_delivery, "abc")))
    assert books.seen == ["came a", "came b", "came c", "kept a", "kept b", "kept c"]
    assert answers == ["a", "b", "c"]


def test_one_that_cannot_be_written_is_its_senders_alone() -> None:
    """Who came with it is answered all the same."""
    deliveries = a_delivery("a"), a_delivery("b", source=""), a_delivery("c")
    first, second, third = asyncio.run(sent(Books(), *deliveries))
    assert (first, str(second), third) == ("a", "b cannot be written", "c")
    assert isinstance(second, ValueError)


def test_who_does_not_wait_for_the_answer_keeps_it_from_nobody() -> None:
    """A sender may go at any time; its delivery came, and is kept."""
    books = Books()
    first, second = asyncio.run(sent(books, *map(a_delivery, "ab"), leaves=0))
    assert isinstance(first, asyncio.CancelledError)
    assert (second, "kept a" in books.seen) == ("b", True)
