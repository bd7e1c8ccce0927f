"""Runs are started over a Google on a bad day: each does its work once, no secret stays, and every record is true."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from google.api_core import exceptions

from moto_tests.gcp.agents import REPORTING, Stage
from moto_tests.gcp.run_world import eventually
from moto_tests.gcp.test_cloud_run_death import Scene, grant
from tests.fakes import FakeClock, MemoryLedger
from tests.scheduler.stage import post
from toolkit.clouds.gcp import GcpClients
from toolkit.core.agent import AgentName
from toolkit.core.clock import now
from toolkit.core.environment import GcpCloud
from toolkit.core.run import RunState, Trigger, TriggerKind
from toolkit.scheduler import starts
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.dispatch import Definition, fact_key
from toolkit.scheduler.loop import Loop
from toolkit.scheduler.roster import Roster
from toolkit.scheduler.submit import submit

AHEAD = 121.0  # seconds between two passes: longer than any wait, and than a hold
# what makes, starts or removes something of a run, and what tells of its end
CALLS = ("create_secret", "add_secret_version", "run_job", "get_execution", "delete_secret")
TROUBLES: dict[str, Any] = {
    "unavailable": exceptions.ServiceUnavailable("later"),
    "late": exceptions.DeadlineExceeded("too late"),
}


class Call:
    """One of Google's clients, whose calls meet trouble the first time."""

    def __init__(self, client: Any, asked: Counter[str], kind: str, *, after: bool) -> None:
        self._client, self._asked, self._kind, self._after = client, asked, kind, after

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        return self._met(name, found) if callable(found) else found

    def _met(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*parts: Any, **named: Any) -> Any:
            self._asked[name] += 1
            first = name in CALLS and self._asked[name] == 1
            if first and not self._after:
                raise TROUBLES[self._kind]
            answer = call(*parts, **named)
            if first:
                raise TROUBLES[self._kind]
            return answer

        return called


class TroubledClients(GcpClients):
    """Of a process whose first call of each kind fails, before or after it was done."""

    def __init__(self, cloud: GcpCloud, kind: str, *, after: bool) -> None:
        super().__init__(cloud)
        self.asked: Counter[str] = Counter()
        self._kind, self._after = kind, after

    def client(self, kind: Any) -> Any:
        return Call(super().client(kind), self.asked, self._kind, after=self._after)


@pytest.fixture(params=["reference", "mount"])
def scene(stage: Stage, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Scene:
    used = stage.mounting() if request.param == "mount" else stage
    made = Scene(used, MemoryLedger(), monkeypatch)
    grant(used)
    known = Definition(
        agent="dev", runtime="cloud_run", ref=used.program(REPORTING), image="", hash="", timeout=60
    )
    made.ledger.set_fact(fact_key("dev"), known.to_fact())
    return made


@pytest.mark.parametrize(("kind", "after"), [("unavailable", False), ("late", True)])
def test_what_happens_once_to_every_call_does_no_harm(
    scene: Scene, kind: str, *, after: bool
) -> None:
    """One execution, one success, no secret; it is launched a few times at most."""
    clients = TroubledClients(scene.stage.runtime.cloud, kind, after=after)
    roster = Roster(project="shop", posts={"dev": post("dev")})
    clock = FakeClock(now())
    desk = Desk(services=scene.services(clients), roster=lambda: roster, clock=clock)
    run = submit(desk, Trigger(agent=AgentName("dev"), kind=TriggerKind.WEBHOOK)).run
    loop = Loop(desk, hands=1)

    def over() -> bool:
        loop.step(clock())
        clock.sleep(AHEAD)
        return scene.run().state.final

    eventually(over)
    loop.close()
    assert (scene.run().id, scene.run().state) == (run, RunState.SUCCEEDED)
    assert 1 <= clients.asked["run_job"] <= starts.MOST
    scene.sweep(timedelta(hours=1))
    assert scene.secrets() == []
    assert list(scene.ledger.queue.at_work()) == []
