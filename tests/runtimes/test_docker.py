"""Containers of a real daemon: really started, really limited, really ended."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runtimes._docker_container import Room
from runtimes._docker_handover import start_with
from runtimes.docker import PLUGIN
from tests.contracts.ledger import a_run
from tests.contracts.runtime import FOREVER, RuntimeContract, ended, messages, status
from tests.dockerd import missing
from tests.fakes import Play, eventually
from tests.runtimes.docker_stage import DockerStage
from toolkit.core.environment import Environment, Scope
from toolkit.core.errors import LaunchError, Unreachable
from toolkit.core.ports import Context
from toolkit.core.run import Cause, RunId, RunState

pytestmark = [
    pytest.mark.needs_docker,
    pytest.mark.skipif(bool(missing()), reason=missing() or "it is there"),
]


@pytest.fixture
def stage(address: str, tmp_path: Path) -> Iterator[DockerStage]:
    made = DockerStage.at(address, tmp_path)
    yield made
    made.tidy()


class TestDocker(RuntimeContract):
    """On containers."""


def text_of(stage: DockerStage, line: str, **room: int) -> list[str]:
    """What a run of this line of shell prints."""
    handle = stage.runtime.launch(stage.script(line, **room))
    ended(stage.runtime, handle)
    return messages(list(stage.runtime.logs(handle)))


def test_a_container_may_do_little(stage: DockerStage) -> None:
    """Another user, no capability, a root that cannot be written, and nothing gained by a set-uid program."""
    look = "id -u; cat /proc/self/status; touch /x || echo refused; cat /proc/mounts"
    said = text_of(stage, look)
    assert said[0] == "1000"
    assert {"CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1"} <= {*said}
    assert "refused" in said
    (root,) = [line for line in said if " / " in line]
    assert root.split()[3].split(",")[0] == "ro"


def test_what_can_be_written_is_memory_and_its_own(stage: DockerStage) -> None:
    """Those three places, the last private and without programs."""
    look = "touch /tmp/a /workspace/b /credentials/c && stat -c '%n %a %u' /tmp /workspace /credentials"
    assert text_of(stage, look) == [
        "/tmp 1777 1000",  # noqa: S108 - a container's own
        "/workspace 700 1000",
        "/credentials 700 1000",
    ]


def test_the_secret_is_on_stdin_and_nowhere_else(stage: DockerStage) -> None:
    """Not in the container's description, not in its log, and gone from the launcher's disk."""
    spec = stage.script("read -r secret; echo ${#secret}; sleep 600")
    handle = stage.runtime.launch(spec)
    (length,) = eventually(lambda: messages(list(stage.runtime.logs(handle))))
    seen = json.dumps(client_seen(stage, handle.ids["container"]))
    assert int(length) > 100
    assert "hunter2" not in seen
    assert "tell nobody" not in seen
    assert "very-long-token" not in seen
    assert spec.lease.ref.name in seen
    assert not (stage.context.project / ".al" / "secrets" / spec.lease.ref.name).exists()


def client_seen(stage: DockerStage, name: str) -> Any:
    return stage.asked(lambda client: client.inspect_container(name))


def test_a_second_start_finds_no_secret(stage: DockerStage) -> None:
    """Whoever starts a container again gets an empty pipe: the claim is the reading."""
    handle = stage.runtime.launch(stage.script("read -r secret && echo got || echo nothing"))
    ended(stage.runtime, handle)
    stage.asked(lambda client: start_with(client, handle.ids["container"], None))
    eventually(lambda: len(messages(list(stage.runtime.logs(handle)))) == 2)
    assert messages(list(stage.runtime.logs(handle))) == ["got", "nothing"]


def test_a_run_without_its_secret_is_not_started(stage: DockerStage) -> None:
    """Its launcher says so, and no container is left."""
    spec = stage.script("echo never")
    (stage.context.project / ".al" / "secrets" / spec.lease.ref.name).unlink()
    with pytest.raises(LaunchError, match="secret") as caught:
        stage.runtime.launch(spec)
    assert caught.value.cause == Cause.SECRET_MISSING
    assert stage.asked(lambda client: client.containers(all=True)) == []


def test_an_image_without_the_program_is_a_failed_launch(stage: DockerStage) -> None:
    """The daemon's words are kept, the container is not, and the secret waits for the undoing."""
    spec = stage.image('ENTRYPOINT ["/no/such/program"]')
    with pytest.raises(LaunchError, match="/no/such/program"):
        stage.runtime.launch(spec)
    assert stage.asked(lambda client: client.containers(all=True)) == []


def test_what_needs_too_much_memory_is_ended_for_it(stage: DockerStage) -> None:
    """And the cause is named, so that the user gives it more."""
    greedy = 'exec /usr/bin/python3 -S -c "x = bytearray(1 << 30)"'
    handle = stage.runtime.launch(stage.script(greedy))
    over = ended(stage.runtime, handle)
    assert (over.state, over.exit_code, over.cause) == (
        RunState.FAILED,
        137,
        Cause.OUT_OF_MEMORY,
    )


def test_what_fills_its_disk_hears_of_a_full_disk(stage: DockerStage) -> None:
    """Its place ends before the container's memory does, so the agent can say why it fails."""
    line = "dd if=/dev/zero of=/tmp/x bs=1M 2>/tmp/../workspace/why; echo $?; cat /workspace/why"
    said = text_of(stage, line)
    assert said[0] == "1"
    assert "No space left on device" in said[1]


def test_what_forks_for_ever_meets_its_limit_and_can_be_stopped(stage: DockerStage) -> None:
    """The machine does not feel it: a container has so many processes and no more."""
    bomb = "f() { f & f & wait; }; echo begun; f; sleep 600"
    handle = stage.runtime.launch(stage.script(bomb, pids=32))
    eventually(lambda: "begun" in messages(list(stage.runtime.tail(handle)))[-1:], seconds=60)
    counted = stage.asked(lambda client: client.stats(handle.ids["container"], stream=False))
    assert counted["pids_stats"]["limit"] == 32
    assert counted["pids_stats"]["current"] <= 32
    stage.runtime.stop(handle)
    assert ended(stage.runtime, handle).state is RunState.FAILED


def test_what_ignores_the_request_to_end_is_killed(stage: DockerStage) -> None:
    """After the grace, and the exit code says so."""
    deaf = "trap '' TERM; echo begun; while :; do sleep 0.1; done"
    handle = stage.runtime.launch(stage.script(deaf))
    eventually(lambda: messages(list(stage.runtime.logs(handle))))
    assert "137" in stage.runtime.stop(handle)
    over = ended(stage.runtime, handle)
    assert (over.state, over.exit_code) == (RunState.FAILED, 137)
    assert "killed" in over.reason


def test_a_run_may_say_goodbye(stage: DockerStage) -> None:
    """Asked to end, it has the grace to finish what it does, and its exit code counts."""
    polite = "trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.1; done"
    handle = stage.runtime.launch(stage.script(polite))
    eventually(lambda: messages(list(stage.runtime.logs(handle))))
    stage.runtime.stop(handle)
    assert ended(stage.runtime, handle).exit_code == 5
    assert messages(list(stage.runtime.logs(handle))) == ["ready", "bye"]


def test_much_output_is_kept_and_its_end_is_read_first(stage: DockerStage) -> None:
    """Reading backwards takes pages from the end, and all of them together are the log."""
    program = "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done"
    handle = stage.runtime.launch(stage.script(program))
    ended(stage.runtime, handle)
    events = list(stage.runtime.logs(handle))
    assert messages(events) == [f"line {n}" for n in range(3000)]
    assert list(stage.runtime.tail(handle)) == events[::-1]
    assert next(iter(stage.runtime.tail(handle))) == events[-1]


def test_a_cleared_run_leaves_its_log_and_no_container(stage: DockerStage) -> None:
    """The same events as before, from the file; and it is not started again."""
    spec = stage.spec(Play(lines=("one", "two")))
    handle = stage.runtime.launch(spec)
    ended(stage.runtime, handle)
    before = list(stage.runtime.logs(handle))
    stage.runtime.clear(spec.run)
    stage.runtime.clear(spec.run)
    assert stage.asked(lambda client: client.containers(all=True)) == []
    assert list(stage.again().logs(handle)) == before
    assert list(stage.again().tail(handle)) == before[::-1]
    assert stage.again().launch(spec) == handle
    assert stage.asked(lambda client: client.containers(all=True)) == []


def test_a_container_that_was_never_started_can_be_stopped(stage: DockerStage) -> None:
    """Its launcher died in between: the run is starting, then it is no more, and nothing of it ran."""
    spec = stage.script("echo never")
    made = stage.asked(lambda client: stage.made_only(client, spec))
    assert status(stage.runtime, made).state is RunState.STARTING
    assert [h.run for h in stage.runtime.running()] == [spec.run]
    assert "had not begun" in stage.runtime.stop(made)
    assert stage.runtime.states([made]) == {}


def test_projects_on_one_host_do_not_see_each_other(
    stage: DockerStage, address: str, tmp_path: Path
) -> None:
    """Neither another project nor another checkout of the same one lists, reads, stops or removes its runs."""
    handle = stage.runtime.launch(stage.spec(FOREVER))
    others = [DockerStage.at(address, tmp_path / "again"), DockerStage.at(address, tmp_path, "q")]
    for other in others:
        assert list(other.runtime.running()) == []
        assert other.runtime.states([handle]) == {}
        assert "already over" in other.runtime.stop(handle)
        other.runtime.clear(handle.run)
        assert list(other.runtime.logs(handle)) == []
    assert status(stage.runtime, handle).state is RunState.RUNNING


def test_an_agent_whose_name_begins_like_another_is_another(stage: DockerStage) -> None:
    """`dev` is pruned, and `dev-ops` keeps its image."""
    mine, other = stage.labelled("dev"), stage.labelled("dev-ops")
    assert stage.runtime.prune("dev", ()) == (mine,)
    assert not stage.has(mine)
    assert stage.has(other)


def test_a_run_whose_launcher_died_is_found(stage: DockerStage) -> None:
    """By its record alone, while it lives and when it is over."""
    spec = stage.spec(Play(exit_code=3))
    handle = stage.runtime.launch(spec)
    ended(stage.runtime, handle)
    again = stage.again()
    record = replace(a_run(), id=spec.run, runtime="docker")
    assert again.find(record) == handle
    assert again.find(replace(record, id=RunId("dev-00000000"))) is None


def test_a_daemon_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With what to do, and not as a bare traceback of sockets."""
    scope = Scope(project="p", environment="local")
    environment = Environment(name="local", scope=scope, docker_host="unix:///no/such.sock")
    runtime = PLUGIN(Context(environment=environment, home=tmp_path, project=tmp_path))
    with pytest.raises(Unreachable, match=r"unix:///no/such\.sock"):
        list(runtime.running())


SSH = """#!/bin/sh
# what ssh would do on the other machine, on this one
while [ "$1" != -- ]; do shift; done
test "$2" = other.example.com && exec docker --host {address} system dial-stdio
"""


def test_a_daemon_behind_ssh_does_the_same(
    stage: DockerStage, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Launch, hand-over, states, both readings of the log and the stop go through the user's own ssh."""
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text(SSH.format(address=address))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    spec = stage.script("read -r secret; echo ${#secret}; while :; do sleep 0.1; done")
    words = (str(tmp_path), spec.run, Room.parse(spec.definition).image)
    # a process of its own: docker's library leaves its ssh sockets to the garbage collector
    done = subprocess.run(
        [sys.executable, "-m", "tests.runtimes.over_ssh", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "state": "running",
        "same": True,
        "length": True,
        "exit": 137,
    }
