"""A whole run and its gateway: the real entry point, a gateway under uvicorn, and a follower over HTTP."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.gateway.party import Guest, Party, party
from tests.gateway.place import STREAM
from tests.inside.stage import Finished, Stage
from tests.services import FakeServices
from toolkit.core.agent import AgentName
from toolkit.core.logs import LogEvent
from toolkit.core.run import RunHandle, RunId, RunState
from toolkit.core.run_token import for_agent

SCRIPT = """
printf %s "$SHUTDOWN_SECRET" | sha256sum
echo visible
until [ -e "$(dirname "$0")/go" ]; do sleep 0.02; done
al-status nearly
echo "done with $GITHUB_TOKEN"
"""


class HeldLog:
    """A log service that shows nothing until it is told to."""

    def __init__(self) -> None:
        self.shown: list[LogEvent] = []

    def logs(self, handle: RunHandle, *, since: int = 0) -> Iterator[LogEvent]:
        return iter([event for event in self.shown if event.time >= since])

    def tail(self, handle: RunHandle, *, before: int | None = None) -> Iterator[LogEvent]:
        return iter([e for e in self.shown[::-1] if before is None or e.time < before])

    def show(self, done: Finished) -> None:
        """Everything that the container printed, with times and ids of its own."""
        self.shown = [
            LogEvent(time=line["ts"] + 7, id=f"event-{n}", message=json.dumps(line))
            for n, line in enumerate(done.lines)
        ]


@pytest.fixture
def log() -> HeldLog:
    return HeldLog()


@pytest.fixture
def here(tmp_path: Path, log: HeldLog) -> Party:
    made = party(tmp_path / "party")
    return Party(FakeServices(tmp_path / "party", runtime=log), made.roster)


def test_a_line_reaches_its_follower_while_the_log_service_shows_nothing(
    here: Party, log: HeldLog, stage: Stage, tmp_path: Path
) -> None:
    """It is seen while the run goes on, which ends only then; in the end each line was seen once, and in order."""
    with here.serving() as address:
        guest, process = begin(here, stage, address)
        path = f"{address}/api/logs/agents/alpha/{guest.run.id}"
        with httpx.stream("GET", path, headers=STREAM, timeout=60) as answer:
            events = entries(answer)
            seen = down_to(events, "visible")
            let_go(stage)
            seen += down_to(events, "run completed")
            assert log.shown == []
            done = stage.finish(process)
            log.show(done)
            seen += list(events)
    ours = [line for line in done.lines if "line" in line]
    assert [entry["line"] for entry in seen] == [line["line"] for line in ours]
    assert [entry["line"] for entry in seen] == list(range(1, len(seen) + 1))
    run = here.ledger.get(guest.run.id)
    assert here.app.state.relayed.said() == {run.id: "nearly"}
    assert (run.state, run.exit_code) == (RunState.SUCCEEDED, 0)
    assert done.output[0].split()[0] == run.token  # the agent has its own, which the ledger knows
    text = done.text + json.dumps(seen)
    assert [text.count(t) for t in (guest.token, for_agent(guest.token), "ghp-0123")] == [0, 0, 0]


def begin(here: Party, stage: Stage, address: str) -> tuple[Guest, Any]:
    """A run as it is launched, and its process."""
    stage.agent = AgentName("alpha")
    stage.configure(credentials=["github_token"])
    stage.script(SCRIPT)
    guest = here.guest()
    handle = RunHandle(runtime="memory", run=guest.run.id, agent=guest.run.agent)
    here.ledger.update(guest.run.id, handle=handle)
    run = stage.new_run({"github_token/default/token": "ghp-0123456789"}, token=guest.token,
                        gateway=address)  # fmt: skip
    secret = stage.secrets.get(stage.secret_name(run))
    assert secret
    stage.secrets.put(stage.secret_name(guest.run.id), secret, tags={"al:run": guest.run.id})
    return guest, stage.start(RunId(guest.run.id))


def let_go(stage: Stage) -> None:
    """The script looks beside itself, in the run's own directory."""
    (work,) = stage.temporary.glob("alpha-*/**/test-script.sh")
    (work.parent / "go").touch()


def entries(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    """The lines of a stream, to its end."""
    kind = ""
    for line in answer.iter_lines():
        kind = line.removeprefix("event: ") if line.startswith("event: ") else kind
        if line.startswith("data: ") and not kind:
            yield json.loads(line[6:])


def down_to(events: Iterator[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    found = list[dict[str, Any]]()
    for entry in events:
        found.append(entry)
        if text in (entry["msg"], entry.get("text")):
            break
    return found
