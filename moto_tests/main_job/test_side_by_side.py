"""Agents of one project in four places, served by one `al start`: this machine, Fargate, Lambda and Cloud Run."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from moto_tests.main_job.conftest import Stage
from tests.fakes import eventually
from tests.scheduler.served import Served
from toolkit.core.run import Run, RunId, RunState

SECONDS = 90.0
GOES_ON = 'echo "the work of $AL_RUN_ID"; touch {marks}/$AL_RUN_ID; until [ -e {marks}/on ]; do sleep 0.1; done'
PLACES = {
    "here": "local",
    "fargate": "ecs_fargate@sandbox",
    "function": "aws_lambda@sandbox",
    "google": "cloud_run@sandbox-gcp",
}


@pytest.fixture
def served(
    new_stage: Callable[[str], Stage], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Stage, Served]]:
    """The project, pushed to both embedded clouds; what was started is ended."""
    stage = new_stage("sides")
    served = Served(stage.project)
    served.marks.mkdir()
    (stage.project / "config.toml").write_text('name = "sides"\n[local]\nruntime = "process"\n')
    for name, runtime in PLACES.items():
        where = runtime.partition("@")[2] or "local"
        script = GOES_ON.format(marks=served.marks)
        timeout = 3600 if name == "fargate" else 300
        stage.agent(name, script, timeout=timeout, config=f'environment = "{where}"\n')
    monkeypatch.setenv("AL_HOME", str(stage.home))
    for where in ("sandbox", "sandbox-gcp"):
        pushed = stage.al("push", "-E", where)
        assert pushed.returncode == 0, pushed.stderr
    yield stage, served
    (served.marks / "on").touch()
    served.stop()


def lines_of(served: Served, run: RunId) -> str:
    """What the gateway of this machine has of its log."""
    return served.ask("GET", f"/api/logs/agents/{run.agent}/{run}").text


def at_work(served: Served, runs: dict[str, RunId]) -> dict[str, Run]:
    eventually(lambda: all(map(served.marked, runs.values())), seconds=SECONDS)
    return {name: served.run(run) for name, run in runs.items()}


def secrets_of(home: Path, served: Served) -> list[str]:
    places = [served.services.at(name) for name in ("local", "sandbox", "sandbox-gcp")]
    return [
        stored.name
        for place in places
        for stored in place.run_secrets.list(f"{place.context.names.secrets}runs/")
    ]


def test_one_scheduler_starts_kills_and_takes_over_runs_in_four_places(
    served: tuple[Stage, Served],
) -> None:
    """Each run is launched where its agent says, and recorded so; a kill finds it there; a scheduler that is started anew
    takes over the others and learns their ends, their lines can be read, and no secret is left in any of the places."""
    stage, shop = served
    shop.start()
    runs = {name: shop.trigger(name) for name in PLACES}
    assert {name: run.runtime for name, run in at_work(shop, runs).items()} == PLACES
    assert shop.services.at("sandbox").ledger.get(runs["fargate"]) is not None
    assert shop.post(f"/control/kill/{runs['fargate']}")[0] == 200
    assert shop.ended(runs["fargate"]).state is RunState.STOPPED
    shop.stop()
    shop.mark("on")
    shop.start()
    ended = {name: shop.ended(run) for name, run in runs.items() if name != "fargate"}
    assert {name: run.state for name, run in ended.items()} == dict.fromkeys(
        ended, RunState.SUCCEEDED
    )
    for name, run in runs.items():
        assert f"the work of {run}" in lines_of(shop, run)
        copy = shop.services.of_runtime(PLACES[name]).ledger.get(run)
        assert copy is not None
        assert copy.state is shop.run(run).state
    assert secrets_of(stage.home, shop) == []
