"""`al sandbox` with a state file that something else was at: every verb says what it is, and `stop` ends it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.program import al
from toolkit.sandbox import daemon

DAMAGED = ["", "{", "[]", '{"aws": 1}', '{"aws": {"endpoint": 1}, "pid": 1, "registry": "x"}']
SAID = "state.json is damaged"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A directory whose home's sandbox is ended in any case."""
    yield tmp_path
    daemon.stop(tmp_path / "home")


def damage(place: Path, text: str) -> None:
    file = place / "home" / "sandbox" / "state.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.mark.parametrize("text", ["", '{"aws": 1}'])
def test_a_damaged_state_of_a_running_sandbox_is_named(place: Path, text: str) -> None:
    """And `stop` ends it all the same, so that `start` gives a sound one."""
    first = json.loads(al("sandbox", "start", "--json", cwd=place).stdout)
    damage(place, text)
    status, start = (al("sandbox", verb, cwd=place) for verb in ("status", "start"))
    assert (status.returncode, start.returncode) == (1, 1)
    assert SAID in status.stderr
    assert SAID in start.stderr
    assert "run `al sandbox stop`" in start.stderr
    assert al("sandbox", "stop", cwd=place).stdout == "the sandbox has stopped\n"
    again = json.loads(al("sandbox", "start", "--json", cwd=place).stdout)
    assert again["pid"] != first["pid"]


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_state_without_a_sandbox_counts_for_nothing(place: Path, text: str) -> None:
    """Nothing runs, and that is what is said."""
    damage(place, text)
    assert "is not running" in al("sandbox", "status", cwd=place).stdout
    assert al("sandbox", "stop", cwd=place).stdout == "the sandbox was not running\n"
