"""What push records in a cloud is made on the spot for a run on this machine."""

import multiprocessing
import os
from pathlib import Path
from threading import BrokenBarrierError
from typing import Any

import pytest

from toolkit.core.errors import CredentialError
from toolkit.ops import new
from toolkit.ops.load import load_services
from toolkit.ops.local import prepare
from toolkit.wiring import Services

AT_ONCE = 6


def opened(project: Path) -> Services:
    return load_services(project, "local", note=print)


def apps(project: Path) -> list[str]:
    return sorted(p.name for p in (project / ".al" / "apps").iterdir())


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new project, and a home of its own."""
    monkeypatch.setenv("AL_HOME", str(tmp_path / "home"))
    list(new.create(tmp_path / "shop", provider="anthropic", model=None))
    return tmp_path / "shop"


def prepare_with_others(project: str, home: str, barrier: Any, said: Any) -> None:
    """In a process of its own: prepare the agent at the same moment as the others."""
    os.environ["AL_HOME"] = home
    services = opened(Path(project))
    assert services.project
    try:
        barrier.wait(60)
        prepare(services, services.project.agents[0])
        said.put("")
    except (Exception, BrokenBarrierError) as error:
        said.put(repr(error))


def test_first_runs_at_once_do_not_break_each_other(shop: Path, tmp_path: Path) -> None:
    """Whoever is first writes the agent's directory; the others take it, and nothing else is left."""
    spawning = multiprocessing.get_context("spawn")
    barrier, said = spawning.Barrier(AT_ONCE), spawning.Queue()
    words = (str(shop), str(tmp_path / "home"), barrier, said)
    processes = [spawning.Process(target=prepare_with_others, args=words) for _ in range(AT_ONCE)]
    for process in processes:
        process.start()
    assert [said.get(timeout=120) for _ in processes] == [""] * AT_ONCE
    for process in processes:
        process.join()
    (only,) = apps(shop)
    assert (shop / ".al" / "apps" / only / "static" / "test-script.sh").is_file()


def test_an_agent_is_prepared_once_for_each_version(shop: Path) -> None:
    """The same files are the same directory; changed ones are another, and a definition names it."""
    services = opened(shop)
    assert services.project
    prepare(services, services.project.agents[0])
    (first,) = apps(shop)
    prepare(services, services.project.agents[0])
    assert apps(shop) == [first]
    (shop / "agents/hello/SKILL.md").write_text("Work differently.")
    services = opened(shop)
    assert services.project
    prepare(services, services.project.agents[0])
    assert len(apps(shop)) == 2
    (newer,) = {*apps(shop)} - {first}
    ref = services.ledger.facts("definition/")["definition/hello"]["ref"]
    assert ref == str(shop / ".al" / "apps" / newer)


def test_what_all_agents_share_is_written_once(shop: Path) -> None:
    """A project with many agents is ready soon, and does not fill the disk."""
    services = opened(shop)
    assert services.project
    first, second = services.project.agents
    prepare(services, first)
    prepare(services, second)
    entries = list((shop / ".al" / "apps").glob("*/lib/toolkit/inside/entry.py"))
    assert len(entries) == 2
    assert len({entry.stat().st_ino for entry in entries}) == 1


def test_missing_credentials_are_named_before_anything_is_written(shop: Path) -> None:
    """Every missing field, with the command that adds it."""
    (shop / "agents/hello/config.toml").write_text(
        'models = ["sonnet"]\ncredentials = ["github_token", "sentry_token"]\n'
    )
    services = opened(shop)
    assert services.project
    with pytest.raises(CredentialError, match=r"github_token.*sentry_token"):
        prepare(services, services.project.agents[0])
    assert not (shop / ".al" / "apps").exists()
