"""Who wins between flag, variable, files and user, in what a session on this machine really asks."""

from pathlib import Path

import pytest

from tests.fakes import eventually
from tests.llm.matrix import CONFIG, HERE, Asked, given, keep, say, servers
from toolkit.core.run import RunState
from toolkit.llm.candidates import Flags
from toolkit.ops import launch
from toolkit.ops.load import load_services
from toolkit.scheduler.settle import settle


@pytest.mark.parametrize(("flags", "said", "asked"), HERE.values(), ids=HERE)
def test_the_session_of_a_process_asks_whom_the_highest_place_names(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    flags: Flags,
    said: tuple[str, ...],
    asked: Asked,
) -> None:
    """Provider, model, key and address: in the request itself, with everything lower said too, and nobody else asked."""
    with servers() as there:
        say(there, said, tmp_path / "home", monkeypatch)
        (tmp_path / "agents" / "dev").mkdir(parents=True)
        (tmp_path / "agents" / "dev" / "SKILL.md").write_text("Work.")
        config = CONFIG.format(root=there.config.root) if "config" in said else ""
        (tmp_path / "config.toml").write_text(f'{config}[local]\nruntime = "process"\n')
        services = load_services(tmp_path, "local", note=print)
        keep(services.local_store)
        run = launch.start(services, "dev", None, flags=flags, note=print)
        done = eventually(
            lambda: r if (r := settle(services, [run])[0]).state.final else None, seconds=60
        )
    assert (done.state, there.asked()) == (RunState.SUCCEEDED, [asked]), done.reason


@pytest.mark.parametrize(("flags", "said", "asked"), HERE.values(), ids=HERE)
def test_a_container_on_this_machine_is_given_the_same(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    flags: Flags,
    said: tuple[str, ...],
    asked: Asked,
) -> None:
    """Up to the daemon, which is not everywhere: that a container gets its secret whole is tested where there is one."""
    with servers() as there:
        say(there, said, tmp_path / "home", monkeypatch)
        assert given(there, flags, said, tmp_path) == asked
