"""The event loop that all requests share: nothing that may take its time is asked in it."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import MemoryLedger
from tests.gateway.party import Party, party
from tests.gateway.place import BEARER
from tests.services import FakeServices

PARTS = ("queue", "locks", "calls", "deliveries")
BODY = {"resourceKey": "git://a", "targetAgent": "beta", "context": "", "text": "x", "value": "x"}
STREAM = "/dashboard/api/status-stream"  # it never ends by itself


def in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class Watched:
    """A ledger of a cloud: every question takes a round trip.  `asked` is all questions, `held_up` those in a loop."""

    def __init__(self, ledger: Any, asked: list[str], held_up: list[str]) -> None:
        self._ledger, self.asked, self.held_up = ledger, asked, held_up

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._ledger, name)
        if name in PARTS:
            return Watched(found, self.asked, self.held_up)
        return self._noted(name, found) if callable(found) else found

    def _noted(self, name: str, question: Any) -> Any:
        def ask(*parts: Any, **named: Any) -> Any:
            self.asked.append(name)
            if in_a_loop():
                self.held_up.append(name)
            return question(*parts, **named)

        return ask


@pytest.fixture
def watched(tmp_path: Path) -> tuple[Party, Watched]:
    ledger = Watched(MemoryLedger(), [], [])
    made = party(tmp_path)
    return Party(FakeServices(tmp_path, ledger=ledger), made.roster), ledger


def test_no_request_asks_the_ledger_in_the_loop(watched: tuple[Party, Watched]) -> None:
    """Every route, for who has the key or, where that opens nothing, for a run with its token."""
    here, ledger = watched
    guest = here.guest("alpha")
    for path, methods in here.app.openapi()["paths"].items():
        address = re.sub(r"\{[^}]*\}", guest.run.id, re.sub(r"\{(agent|name)\}", "alpha", path))
        for method, route in methods.items() if path != STREAM else ():
            headers = BEARER if route["security"] else guest.headers
            body = BODY if method == "post" else None
            here.client.request(method, address, json=body, headers=headers)
    assert len(set(ledger.asked)) > 12  # the routes were really gone through
    assert ledger.held_up == []


def test_a_question_in_the_loop_would_be_seen(watched: tuple[Party, Watched]) -> None:
    """Or the test above would prove nothing."""
    _, ledger = watched

    async def careless() -> None:
        ledger.queue.lengths()

    asyncio.run(careless())
    assert ledger.held_up == ["lengths"]
