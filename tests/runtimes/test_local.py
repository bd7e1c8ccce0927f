"""Processes on this machine: really started, really ended."""

import json
import os
import shlex
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runtimes import _process
from runtimes.local import PLUGIN, LocalRuntime
from tests.contracts.runtime import FOREVER, RuntimeContract, ended, messages
from tests.fakes import MemoryRuntime, Play, eventually
from toolkit.core.agent import Agent, AgentName
from toolkit.core.clock import now
from toolkit.core.environment import Environment, Scope
from toolkit.core.errors import ConfigError, LaunchError
from toolkit.core.ports import Context, Runtime
from toolkit.core.run import Cause, RunId, RunSpec, RunState
from toolkit.core.secrets import SecretLease, SecretRef

DEV = AgentName("dev")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def a_spec(definition: str) -> RunSpec:
    run = RunId.new(DEV)
    lease = SecretLease(
        ref=SecretRef(store="memory", name=f"x/{run}-0_"),
        agent=DEV,
        run=run,
        created=NOON,
        expires=NOON + timedelta(hours=1),
    )
    return RunSpec(run=run, agent=DEV, definition=definition, timeout=60, lease=lease)


def as_script(play: Play) -> str:
    prints = [f"printf '%s\\n' {shlex.quote(line)}" for line in play.lines]
    last = "while :; do sleep 0.1; done" if play.exit_code is None else f"exit {play.exit_code}"
    return "\n".join(["#!/bin/sh", *prints, last, ""])


@dataclass
class LocalStage:
    """Plays become test-script.sh; a line of shell stands for the container's entry point."""

    context: Context

    def __post_init__(self) -> None:
        self.runtime: Runtime = self.again()
        self.count = 0

    def again(self) -> LocalRuntime:
        program = ("/bin/sh", "-c", 'exec /bin/sh "$AL_APP/static/test-script.sh"')
        return PLUGIN(self.context, program=program, grace=0.3)

    def spec(self, play: Play) -> RunSpec:
        return self.script(as_script(play))

    def script(self, text: str) -> RunSpec:
        self.count += 1
        app = self.context.project / f"app-{self.count}"
        (app / "static").mkdir(parents=True)
        (app / "static" / "test-script.sh").write_text(text)
        return a_spec(str(app))


@pytest.fixture
def context(tmp_path: Path) -> Context:
    environment = Environment(name="local", scope=Scope(project="p", environment="local"))
    return Context(environment=environment, home=tmp_path / "home", project=tmp_path)


@pytest.fixture
def stage(context: Context) -> Iterator[LocalStage]:
    made = LocalStage(context)
    yield made
    for handle in made.runtime.running():
        made.runtime.stop(handle)


class TestLocal(RuntimeContract):
    """On processes."""


class TestMemory(RuntimeContract):
    """On nothing."""

    @pytest.fixture
    def stage(self) -> "MemoryStage":
        return MemoryStage()


class MemoryStage:
    def __init__(self) -> None:
        self.runtime = MemoryRuntime()
        self.count = 0

    def again(self) -> MemoryRuntime:
        return self.runtime

    def spec(self, play: Play) -> RunSpec:
        self.count += 1
        spec = a_spec("play")
        agent = AgentName(f"dev{self.count}")
        self.runtime.script[agent] = play
        return replace(spec, agent=agent, run=RunId.new(agent))


def test_a_run_whose_launcher_died_has_its_log(stage: LocalStage) -> None:
    """Its handle is made of the claim and names no process; the run's directory does."""
    launched = stage.runtime.launch(stage.spec(Play(lines=("a",), exit_code=3)))
    ended(stage.runtime, launched)
    bare = replace(launched, ids={"launched": "0"})
    assert messages(list(stage.runtime.logs(bare))) == ["a"]
    assert ended(stage.runtime, bare).exit_code == 3
    nobody = replace(bare, run=RunId("dev-00000000"))
    assert stage.runtime.states([nobody]) == {}
    assert "already over" in stage.runtime.stop(nobody)


def test_what_is_left_of_old_runs_goes_and_what_goes_on_stays(stage: LocalStage) -> None:
    """A run a minute would otherwise fill the disk; a run that is under way is never old."""
    over = stage.runtime.launch(stage.spec(Play(lines=("a",), exit_code=0)))
    ended(stage.runtime, over)
    under_way = stage.runtime.launch(stage.spec(FOREVER))
    assert stage.runtime.forget(now() - timedelta(days=1)) == 0
    assert stage.runtime.forget(now() + timedelta(days=1)) == 1
    assert list(stage.runtime.logs(over)) == []
    assert [handle.run for handle in stage.runtime.running()] == [under_way.run]
    stage.runtime.stop(under_way)


def test_a_run_gets_references_and_none_of_the_users_variables(
    stage: LocalStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in the launching shell stays there; the secret is passed by name."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "hunter2")
    spec = stage.script("env | sort")
    handle = stage.runtime.launch(spec)
    ended(stage.runtime, handle)
    lines = messages(list(stage.runtime.logs(handle)))
    env = dict(line.partition("=")[::2] for line in lines)
    state = stage.context.project / ".al"
    assert "hunter2" not in str(lines)
    assert {name: env[name] for name in env if name.startswith("AL_")} == {
        "AL_AGENT": "dev",
        "AL_APP": spec.definition,
        "AL_CREDENTIALS_PATH": str(state / "runs" / spec.run / "credentials"),
        "AL_ENVIRONMENT": "local",
        "AL_LEDGER": str(state / "action-llama.db"),
        "AL_PLATFORM": "local",
        "AL_PROJECT": "p",
        "AL_RUNTIME": "local",
        "AL_RUN_ID": spec.run,
        "AL_SECRET": spec.lease.ref.name,
        "AL_SECRETS": str(state / "secrets"),
    }


def test_a_run_has_private_places_of_its_own(stage: LocalStage) -> None:
    """Work and credentials are the user's alone, and so is the log."""
    script = 'stat -c %a . "$AL_CREDENTIALS_PATH" "$HOME"; pwd; cat'
    handle = stage.runtime.launch(stage.script(script))
    ended(stage.runtime, handle)
    *modes, here = messages(list(stage.runtime.logs(handle)))
    assert modes == ["700", "700", "700"]
    assert here == str(stage.context.project / ".al" / "runs" / handle.run / "work")
    assert stat.S_IMODE(Path(handle.ids["log"]).stat().st_mode) == 0o600
    assert stat.S_IMODE(Path(handle.ids["log"]).parent.stat().st_mode) == 0o700


def places(stage: LocalStage, run: RunId) -> set[str]:
    return {p.name for p in (stage.context.project / ".al" / "runs" / run).iterdir()}


WRITES = 'echo hunter2 > "$AL_CREDENTIALS_PATH/token"; echo ready; '


def test_credentials_are_gone_after_the_run(stage: LocalStage) -> None:
    """Nothing of the run's own directory stays but who it was and how it ended."""
    handle = stage.runtime.launch(stage.script(WRITES))
    ended(stage.runtime, handle)
    assert places(stage, handle.run) == {"identity", "exit"}


def test_credentials_are_gone_after_a_kill_of_the_program(stage: LocalStage) -> None:
    """kill -9 of what runs the agent leaves its supervisor, which cleans up and knows the code."""
    handle = stage.runtime.launch(stage.script(WRITES + "kill -9 $$"))
    over = ended(stage.runtime, handle)
    assert (over.state, over.exit_code) == (RunState.FAILED, 137)
    assert places(stage, handle.run) == {"identity", "exit"}


def test_a_run_killed_with_its_supervisor_ended_without_a_report(stage: LocalStage) -> None:
    """What nobody could write down is said so, and whoever looks first cleans up."""
    handle = stage.runtime.launch(stage.script(WRITES + "while :; do sleep 0.1; done"))
    eventually(lambda: messages(list(stage.runtime.logs(handle))) == ["ready"])
    os.killpg(int(handle.ids["pid"]), signal.SIGKILL)
    over = ended(stage.runtime, handle)
    assert (over.state, over.cause) == (RunState.FAILED, Cause.UNKNOWN)
    assert "without a report" in over.reason
    assert places(stage, handle.run) == {"identity"}


def test_a_run_that_ignores_the_request_to_end_is_killed(stage: LocalStage) -> None:
    """After the grace, with everything that it started."""
    deaf = "trap '' TERM; (trap '' TERM; while :; do sleep 0.1; done) & echo $!; wait"
    handle = stage.runtime.launch(stage.script(deaf))
    (child,) = eventually(lambda: messages(list(stage.runtime.logs(handle))))
    assert "SIGKILL" in stage.runtime.stop(handle)
    eventually(lambda: not is_running(int(child)))


def is_running(pid: int) -> bool:
    """Whether there is such a process that is no zombie."""
    found = subprocess.run(
        ["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return found.stdout.strip() not in ("", "Z")


def test_a_run_may_say_goodbye(stage: LocalStage) -> None:
    """Asked to end, it has the grace to finish what it does, and its exit code counts."""
    polite = "trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.1; done"
    handle = stage.runtime.launch(stage.script(polite))
    eventually(lambda: list(stage.runtime.logs(handle)))
    patient = PLUGIN(stage.context)
    assert "SIGTERM" in patient.stop(handle)
    assert ended(stage.runtime, handle).exit_code == 5
    assert next(stage.runtime.tail(handle)).message == "bye"


def test_what_left_the_runs_group_ends_with_a_killed_run(stage: LocalStage) -> None:
    """A killed program cannot end the sessions that it began, so whoever sees its end does."""
    away = "setsid sh -c 'echo $$; exec sleep 600' & while [ ! -e \"$AL_APP/go\" ]; do sleep 0.05; done; kill -9 $$"
    spec = stage.script(away)
    handle = stage.runtime.launch(spec)
    (child,) = eventually(lambda: messages(list(stage.runtime.logs(handle))))
    (Path(spec.definition) / "go").touch()
    assert ended(stage.runtime, handle).exit_code == 137
    eventually(lambda: not is_running(int(child)))


def test_what_a_run_left_in_the_background_ends_with_it(stage: LocalStage) -> None:
    """As in a container, whose processes end with the first."""
    handle = stage.runtime.launch(stage.script("sleep 600 & echo $!"))
    ended(stage.runtime, handle)
    (child,) = messages(list(stage.runtime.logs(handle)))
    eventually(lambda: not is_running(int(child)))


LAUNCH = """
import sys
from tests.runtimes.test_local import LocalStage, Play
from toolkit.core.environment import Environment, Scope
from toolkit.core.ports import Context
from pathlib import Path
place = Path(sys.argv[1])
environment = Environment(name="local", scope=Scope(project="p", environment="local"))
stage = LocalStage(Context(environment=environment, home=place, project=place))
handle = stage.runtime.launch(stage.spec(Play(lines=("begun",), exit_code=None)))
print(handle.run)
"""


def test_a_run_goes_on_without_the_one_who_started_it(stage: LocalStage) -> None:
    """Another process, later, finds it, reads it and ends it."""
    command = [sys.executable, "-c", LAUNCH, str(stage.context.project)]
    run = RunId(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())
    (handle,) = stage.runtime.running()
    assert handle.run == run
    eventually(lambda: messages(list(stage.runtime.logs(handle))) == ["begun"])
    assert "SIGTERM" in stage.runtime.stop(handle)


def test_of_two_launches_at_once_one_starts(stage: LocalStage) -> None:
    """Also when the first launcher died before it could say what it started."""
    spec = stage.spec(FOREVER)
    handle = stage.runtime.launch(spec)
    directory = stage.context.project / ".al" / "runs" / spec.run
    # a launcher that has not seen the identity yet starts a second supervisor, which steps back
    command = ["/bin/sh", "-c", _process.SUPERVISOR, "al-run", str(directory), "echo", "twice"]
    second = subprocess.run(command, capture_output=True, text=True, check=True)
    assert second.stdout == ""
    assert stage.again().launch(spec) == handle


def test_a_process_id_that_is_somebody_elses_by_now_is_not_the_run(stage: LocalStage) -> None:
    """The process's start time is part of its identity."""
    handle = stage.runtime.launch(stage.spec(FOREVER))
    identity = _process.Identity(int(handle.ids["pid"]), handle.ids["started"])
    assert identity.alive
    assert not replace(identity, started="1").alive
    assert _process.end(replace(identity, started="1"), grace=1) is None
    assert identity.alive


def test_a_half_line_waits_for_its_end(stage: LocalStage) -> None:
    """A line is read when it is whole; the last one of a run that is over is whole."""
    script = "printf 'one\\ntw'; while [ ! -e \"$AL_APP/go\" ]; do sleep 0.05; done; printf o"
    spec = stage.script(script)
    handle = stage.runtime.launch(spec)
    eventually(lambda: Path(handle.ids["log"]).read_text() == "one\ntw")
    assert messages(list(stage.runtime.logs(handle))) == ["one"]
    assert messages(list(stage.runtime.tail(handle))) == ["one"]
    (Path(spec.definition) / "go").touch()
    ended(stage.runtime, handle)
    eventually(lambda: not list(stage.runtime.running()))
    assert messages(list(stage.runtime.logs(handle))) == ["one", "two"]
    assert messages(list(stage.runtime.tail(handle))) == ["two", "one"]


def our_line(ts: int, text: str) -> str:
    return json.dumps({"_log": True, "level": "info", "msg": text, "ts": ts})


def test_a_line_has_our_time_or_that_of_the_line_before(stage: LocalStage) -> None:
    """`ts` counts in our own lines only; an agent's JSON could say anything."""
    foreign = json.dumps({"msg": "x", "ts": 9_999_999_999_999})
    lines = (our_line(1000, "a"), "plain", foreign, our_line(2000, "b"), "last")
    handle = stage.runtime.launch(stage.spec(Play(lines=lines)))
    ended(stage.runtime, handle)
    events = list(stage.runtime.logs(handle))
    assert [event.time for event in events] == [1000, 1000, 1000, 2000, 2000]
    assert list(stage.runtime.tail(handle)) == events[::-1]
    assert list(stage.runtime.logs(handle, since=2000)) == events[3:]
    assert list(stage.runtime.tail(handle, before=2000)) == events[2::-1]


def test_a_long_log_is_read_from_where_it_is_wanted(stage: LocalStage) -> None:
    """Larger than any block that is read at once, with lines that straddle blocks."""
    handle = stage.runtime.launch(stage.spec(Play()))
    ended(stage.runtime, handle)
    lines = [our_line(n * 100, f"{n} " + "x" * (n * 37 % 900)) for n in range(1, 3001)]
    Path(handle.ids["log"]).write_text("\n".join(lines) + "\n")
    events = list(stage.runtime.logs(handle))
    assert messages(events) == lines
    assert list(stage.runtime.tail(handle)) == events[::-1]
    assert list(stage.runtime.logs(handle, since=290_000)) == events[2899:]
    assert next(stage.runtime.tail(handle)) == events[-1]


def test_a_model_does_not_run_on_the_bare_host(context: Context) -> None:
    """Without a test script the user must have chosen it; the error says how."""
    agent = Agent(name=DEV, directory=context.project, instructions="")
    runtime = PLUGIN(context)
    assert runtime.check(agent) != ()
    with pytest.raises(ConfigError, match=r"only test-script\.sh") as raised:
        runtime.definition(agent, str(context.project))
    assert 'runtime = "process"' in raised.value.hint
    (context.project / "static").mkdir()
    with pytest.raises(ConfigError):
        runtime.launch(a_spec(str(context.project)))
    assert list(runtime.running()) == []


@pytest.mark.parametrize(("script", "chosen"), [(True, False), (False, True)])
def test_a_script_or_a_choice_lets_it_run(context: Context, script: bool, chosen: bool) -> None:
    """`[local] runtime = "process"` is that choice."""
    chosen_context = replace(
        context, environment=replace(context.environment, local_process=chosen)
    )
    agent = Agent(name=DEV, directory=context.project, instructions="", script=script)
    runtime = PLUGIN(chosen_context)
    (context.project / "static").mkdir()
    assert runtime.check(agent) == ()
    item = runtime.definition(agent, str(context.project))
    assert runtime.define(item) == str(context.project)


def test_an_agent_that_was_never_prepared_is_an_error(context: Context) -> None:
    """define() looks for the files that a run needs."""
    agent = Agent(name=DEV, directory=context.project, instructions="", script=True)
    runtime = PLUGIN(context)
    with pytest.raises(LaunchError, match="holds no agent"):
        runtime.define(runtime.definition(agent, str(context.project / "nowhere")))


def test_a_definition_whose_files_are_gone_is_in_trouble(context: Context) -> None:
    """What `define` gave can be run as long as its directory is there."""
    (context.project / "static").mkdir(parents=True)
    assert PLUGIN(context).trouble(str(context.project)) == ""
    assert "is gone" in PLUGIN(context).trouble(str(context.project / "nowhere"))


def test_nothing_is_running_where_nothing_was_started(context: Context) -> None:
    """A project without state is no error."""
    assert list(PLUGIN(context).running()) == []
