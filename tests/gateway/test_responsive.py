"""What takes its time keeps nobody else waiting, and what came in stays out of the process's own log."""

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.gateway.place import Place
from tests.gateway.post_office import ISSUE, PostOffice, opened, signed
from toolkit.core.run import RunState

SOON = 20.0  # seconds: a test that waits for longer has found an event loop that stands still


class Slow:
    """A runtime whose platform does not answer until it is let go."""

    def __init__(self) -> None:
        self.asked, self.go_on = threading.Event(), threading.Event()

    def stop(self, handle: Any) -> str:
        self.asked.set()
        self.go_on.wait(SOON)
        return f"{handle.run} is stopping"


@pytest.fixture
def office(place: Place) -> Iterator[PostOffice]:
    with opened(place) as office:
        office.source("hub", "github", signed("github"))
        office.agent("dev", "hub", events=["issues"])
        yield office


def test_a_platform_that_does_not_answer_holds_no_webhook_up(
    office: PostOffice, place: Place
) -> None:
    """Calls of clouds, files and the ledger wait in threads, not in the loop that all requests share."""
    slow, run = Slow(), place.run(state=RunState.RUNNING)
    place.services._runtimes["local"] = slow  # type: ignore[assignment]
    with ThreadPoolExecutor(1) as pool:
        killed = pool.submit(office.client.post, f"/control/kill/{run.id}")
        assert slow.asked.wait(SOON)
        answer = office.send("github", ISSUE, x_github_delivery="one")
        assert (answer.status_code, killed.done()) == (200, False)
        slow.go_on.set()
        assert killed.result(SOON).status_code == 200


@pytest.mark.parametrize("status", [200, 401])
def test_what_a_delivery_says_is_in_no_log(
    office: PostOffice, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    """Not even where everything is logged; a receipt has it, for whoever holds the key."""
    private = ISSUE | {"issue": {**ISSUE["issue"], "title": "our plans for the merger"}}
    path = {200: "github", 401: "github/other"}[status]
    office.source("other", "github")
    with caplog.at_level(logging.DEBUG):
        assert office.send("github", private, path, x_github_delivery="one").status_code == status
    assert "merger" not in caplog.text
