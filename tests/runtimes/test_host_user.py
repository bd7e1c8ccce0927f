"""Another user of this machine, made for these tests and removed after them: real sudo, real processes."""

import json
import os
import pwd
import secrets
import shlex
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from runtimes.host_user import ENTRY, PLUGIN, Account, HostUserRuntime
from tests.contracts.runtime import RuntimeContract, ended, messages
from tests.fakes import Play, eventually
from tests.runtimes.docker_stage import DEV, NOON, PAYLOAD
from toolkit.clouds.sudo import allowed, asked, rule, wish
from toolkit.core.environment import Environment, Scope
from toolkit.core.errors import AccessDenied, LaunchError
from toolkit.core.ports import Context
from toolkit.core.run import RunId, RunSpec, RunState
from toolkit.core.secrets import SecretLease, SecretRef

PYTHON = "/usr/bin/python3"
CONFIG = {"name": "dev", "timeout": 60, "models": [], "credentials": [], "hooks": {}}


def missing() -> str:
    """Why these cannot run here; empty when they can."""
    if os.geteuid():
        return "making a user needs root"
    lacking = [name for name in ("sudo", "useradd", "userdel") if shutil.which(name) is None]
    return f"missing: apt-get install {' '.join(lacking)}" if lacking else _unusable()


def _unusable() -> str:
    old = subprocess.run(
        [PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"], check=False
    )
    return f"{PYTHON} is older than 3.11" if old.returncode else ""


pytestmark = [
    pytest.mark.needs_sudo,
    pytest.mark.skipif(bool(missing()), reason=missing() or "all is there"),
]


@pytest.fixture(scope="module")
def user() -> Iterator[str]:
    """Somebody with a home of their own, in a group beside."""
    name = f"al-test-{secrets.token_hex(3)}"
    subprocess.run(["useradd", "--create-home", "--groups", "games", name], check=True)
    yield name
    subprocess.run(["userdel", "--remove", name], check=False, capture_output=True)


@dataclass
class HostUserStage:
    """Plays become test-script.sh."""

    context: Context
    user: str
    groups: tuple[str, ...] = ()
    program: tuple[str, ...] = ENTRY
    count: int = 0

    def __post_init__(self) -> None:
        self.runtime = self.again()

    def again(self) -> HostUserRuntime:
        return PLUGIN(self.context, python=PYTHON, program=self.program, grace=8)

    def spec(self, play: Play) -> RunSpec:
        prints = [f"printf '%s\\n' {shlex.quote(line)}" for line in play.lines]
        last = "while :; do sleep 0.1; done" if play.exit_code is None else f"exit {play.exit_code}"
        return self.script("\n".join([*prints, last]))

    def script(self, text: str) -> RunSpec:
        self.count += 1
        app = self.context.project / f"app-{self.count}"
        files = {
            "agent-config.json": json.dumps(CONFIG),
            "credentials.json": "{}",
            "prompt-static.txt": "",
            "timeout": "60",
            "test-script.sh": f"#!/bin/sh\n{text}\n",
        }
        (app / "static").mkdir(parents=True)
        for name, content in files.items():
            (app / "static" / name).write_text(content)
        (app / "static" / "test-script.sh").chmod(0o755)
        run = RunId.new(DEV)
        name = f"x/{run}-0_"
        file = self.context.project / ".al" / "secrets" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(PAYLOAD) + "\n")
        ref = SecretRef(store="local_files", name=name)
        lease = SecretLease(ref=ref, agent=DEV, run=run, created=NOON, expires=NOON)
        account = Account(app=str(app), user=self.user, groups=self.groups)
        return RunSpec(run=run, agent=DEV, definition=str(account), timeout=60, lease=lease)


@pytest.fixture
def stage(user: str, tmp_path: Path) -> Iterator[HostUserStage]:
    environment = Environment(name="local", scope=Scope(project="p", environment="local"))
    made = HostUserStage(Context(environment=environment, home=tmp_path, project=tmp_path), user)
    yield made
    for handle in made.runtime.running():
        made.runtime.stop(handle)


def printed(stage: HostUserStage, handle: object) -> list[str]:
    """What the script prints, without the entry point's own lines."""
    records = (json.loads(m) for m in messages(list(stage.runtime.logs(handle))))  # type: ignore[arg-type]
    return [record["text"] for record in records if record["msg"] == "output"]


def said(stage: HostUserStage, script: str) -> list[str]:
    handle = stage.runtime.launch(stage.script(script))
    ended(stage.runtime, handle)
    return printed(stage, handle)


def test_it_runs_as_the_other_user_with_all_of_its_groups(stage: HostUserStage) -> None:
    """Those of the system's database, not the launcher's; HOME and TMPDIR are the run's own."""
    who, groups, home = said(stage, 'id -un; id -Gn; echo "$HOME"')
    assert who == stage.user
    assert groups.split() == [stage.user, "games"]
    assert home.startswith(f"{pwd.getpwnam(stage.user).pw_dir}/.action-llama/runs/dev-")


def test_a_group_that_the_user_is_not_in_stops_the_run(stage: HostUserStage) -> None:
    """Rather than to run with less than the agent needs; the log names it."""
    stage.groups = ("games", "disk")
    handle = stage.runtime.launch(stage.script("echo never"))
    assert ended(stage.runtime, handle).state is RunState.FAILED
    (line,) = messages(list(stage.runtime.logs(handle)))
    assert "not in the group disk" in line


def test_nothing_of_the_run_is_on_a_command_line(
    stage: HostUserStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever lists processes sees one command, always the same; the launcher's variables stay with the launcher."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter3")
    spec = stage.script('env; echo "$AL_RUN_ID"; sleep 600')
    handle = stage.runtime.launch(spec)
    lines = eventually(lambda: p if spec.run in (p := printed(stage, handle)) else None)
    every = subprocess.run(
        ["ps", "-ewwo", "args"], capture_output=True, text=True, check=True
    ).stdout
    assert "hunter2" not in every
    assert "tell nobody" not in every
    assert "hunter3" not in str(lines)
    assert f"sudo -n -u {stage.user} -- {' '.join(allowed(PYTHON))}" in every
    stage.runtime.stop(handle)


def test_the_secret_leaves_the_disk_when_it_is_handed_over(stage: HostUserStage) -> None:
    """And the report that comes back is in the log, with the times of claim, reading and burning."""
    spec = stage.script("exit 0")
    handle = stage.runtime.launch(spec)
    over = ended(stage.runtime, handle)
    assert not (stage.context.project / ".al" / "secrets" / spec.lease.ref.name).exists()
    assert over.mailbox
    assert over.mailbox.claimed
    assert over.mailbox.read
    assert over.mailbox.burned
    assert over.mailbox.report
    assert over.mailbox.report["exit_code"] == 0


def test_what_we_keep_of_a_run_is_private(stage: HostUserStage) -> None:
    """Its process id, when that process started, and its log."""
    handle = stage.runtime.launch(stage.spec(Play()))
    ended(stage.runtime, handle)
    directory = stage.context.project / ".al" / "host-runs" / handle.run
    assert stat.S_IMODE((directory / "identity").stat().st_mode) == 0o600
    assert stat.S_IMODE(Path(handle.ids["log"]).stat().st_mode) == 0o600
    assert not list(Path(pwd.getpwnam(stage.user).pw_dir).glob(".action-llama/runs/*"))


def test_a_run_that_ignores_the_request_to_end_is_killed(stage: HostUserStage) -> None:
    """With what left its group; its directory goes as well."""
    deaf = "trap '' TERM; (setsid sh -c 'trap \"\" TERM; while :; do sleep 0.1; done' &); echo on; while :; do sleep 0.1; done"
    handle = stage.runtime.launch(stage.script(deaf))
    eventually(lambda: printed(stage, handle))
    assert "SIG" in stage.runtime.stop(handle)
    assert ended(stage.runtime, handle).state is not RunState.SUCCEEDED
    listed = ["ps", "-u", stage.user, "-o", "pid="]
    eventually(lambda: not subprocess.run(listed, capture_output=True, check=False).stdout)
    assert not list(Path(pwd.getpwnam(stage.user).pw_dir).glob(".action-llama/runs/*"))


def test_the_exit_code_outlives_the_launcher(stage: HostUserStage) -> None:
    """Another process adopts the run, and hears how it really ended."""
    handle = stage.runtime.launch(stage.script("sleep 1; exit 9"))
    other = stage.again()
    assert [h.run for h in other.running()] == [handle.run]
    assert ended(other, handle).exit_code == 9


def test_a_killed_entry_point_has_its_code(stage: HostUserStage) -> None:
    """128 + 9, through sudo and our supervisor."""
    handle = stage.runtime.launch(stage.script("echo $PPID; sleep 600"))
    (parent,) = eventually(lambda: printed(stage, handle))
    os.kill(int(parent), signal.SIGKILL)
    assert ended(stage.runtime, handle).exit_code == 137


def test_a_user_who_does_not_exist_is_named(stage: HostUserStage) -> None:
    """sudo's own words, and what to do."""
    with pytest.raises(AccessDenied, match="al-nobody-here"):
        asked("al-nobody-here", PYTHON, wish("look"))


def test_a_run_without_its_secret_is_not_started(stage: HostUserStage) -> None:
    """Nothing is begun, and nothing but the empty directory is there."""
    spec = stage.script("echo never")
    (stage.context.project / ".al" / "secrets" / spec.lease.ref.name).unlink()
    with pytest.raises(LaunchError, match="secret"):
        stage.runtime.launch(spec)
    assert list(stage.runtime.running()) == []


def test_the_rule_names_one_command_and_one_user() -> None:
    """No wildcard, no shell, and not everybody."""
    line = rule("alice", "al-agent", PYTHON)
    assert line.startswith("alice ALL=(al-agent) NOPASSWD: /usr/bin/python3 -I /")
    assert line.endswith("/toolkit/inside/host_user.py")
    assert "*" not in line


class TestHostUser(RuntimeContract):
    """On processes of another user; a line of shell stands for the container's entry point."""

    @pytest.fixture
    def stage(self, stage: HostUserStage) -> HostUserStage:
        words = "import os; os.execv('/bin/sh', ['sh', os.environ['AL_APP'] + '/static/test-script.sh'])"
        return replace(stage, program=("-c", words))
