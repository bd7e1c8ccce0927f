"""What is left of agents and versions that nobody needs any more, on this machine."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scheduler.served import Served, made
from toolkit.core.clock import iso, now
from toolkit.core.run import Run, RunId, RunState, TriggerKind
from toolkit.ops import apps, local
from toolkit.ops.load import load_files, load_services
from toolkit.ops.start import Wish
from toolkit.wiring import Services

OLD = 2 * apps.FRESH


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Served]:
    with made(tmp_path) as served:
        served.agent("dev", "true")
        served.agent("ops", "true")
        yield served


def prepared(served: Served) -> Services:
    """Both agents made ready, and their directories an hour ago."""
    services = load_services(served.directory, "local", note=lambda _: None)
    assert services.project is not None
    for agent in services.project.agents:
        local.prepare(services, agent)
    age(served)
    return services


def age(served: Served) -> None:
    for place in (served.directory / ".al" / "apps").iterdir():
        then = place.stat().st_mtime - OLD
        os.utime(place, (then, then))


def left(served: Served) -> list[str]:
    return sorted(p.name.rpartition("-")[0] for p in (served.directory / ".al" / "apps").iterdir())


def test_what_an_agent_that_is_gone_was_made_of_is_removed(shop: Served) -> None:
    """Its directory and what is recorded of it; the others stay."""
    services = prepared(shop)
    shop.remove("ops")
    project, _ = load_files(shop.directory, "local")
    assert apps.tidy(services, project) == ("ops",)
    assert left(shop) == ["dev"]
    assert list(services.ledger.facts("definition/")) == ["definition/dev"]


def test_what_somebody_else_serves_stays(shop: Served) -> None:
    """A scheduler of hired agents alone removes nothing of the others."""
    services = prepared(shop)
    project, _ = load_files(shop.directory, "local")
    assert apps.tidy(services, Wish(hired=True).served(project)) == ()
    assert left(shop) == ["dev", "ops"]


def test_an_agent_of_which_something_runs_stays_until_that_is_over(shop: Served) -> None:
    """Its run reads its files."""
    services = prepared(shop)
    shop.remove("ops")
    project, _ = load_files(shop.directory, "local")
    run = RunId("ops-00000001")
    services.ledger.add(
        Run(
            id=run, agent=run.agent, runtime="local", trigger=TriggerKind.MANUAL,
            created=iso(now()), state=RunState.RUNNING,
        )
    )  # fmt: skip
    assert apps.tidy(services, project) == ()
    services.ledger.update(run, state=RunState.SUCCEEDED)
    assert apps.tidy(services, project) == ("ops",)


def test_a_directory_that_no_version_names_is_removed_when_it_is_old(shop: Served) -> None:
    """A new one may be about to be recorded."""
    services = prepared(shop)
    (place,) = (shop.directory / ".al" / "apps").glob("dev-*")
    stray = place.with_name(f"dev-{'0' * 20}")
    shutil.copytree(place, stray)
    assert services.project is not None
    os.utime(stray)
    assert apps.tidy(services, services.project) == ()
    age(shop)
    assert apps.tidy(services, services.project) == (stray.name,)
    assert place.is_dir()
