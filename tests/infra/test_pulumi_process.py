"""The Pulumi CLI as a process: what it gets, and how an interruption reaches it."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE, Popen

import pytest
from pulumi.automation import CommandError, ConcurrentUpdateError

from infra.pulumi_process import Cli, patiently
from toolkit.core.errors import Conflict

ROOT = Path(__file__).parents[2]
PATIENCE = 20  # seconds; a hang is a failure, not a wait


def program(root: Path, body: str) -> Cli:
    """A CLI that tells its version and does `body` for every other command."""
    place = root / "bin" / "pulumi"
    place.parent.mkdir()
    place.write_text(f'#!/bin/sh\n[ "$1" = version ] && echo v3.200.0 && exit 0\n{body}\n')
    place.chmod(0o755)
    return Cli(root=str(root))


def test_a_command_is_run_without_questions_and_its_lines_arrive(tmp_path: Path) -> None:
    """As Pulumi's own class does it."""
    seen: list[str] = []
    result = program(tmp_path, 'echo "$@"; echo said >&2').run(
        ["stack", "ls"], str(tmp_path), {}, seen.append
    )
    assert (result.stdout, result.stderr, result.code) == ("--non-interactive stack ls", "said", 0)
    assert seen == ["--non-interactive stack ls"]


def test_variables_are_handed_on_and_arguments_hold_none_of_them(tmp_path: Path) -> None:
    """Every user of the machine can read a process's arguments."""
    body = 'echo "$PULUMI_CONFIG_PASSPHRASE $PULUMI_AUTOMATION_API $*"'
    result = program(tmp_path, body).run(
        ["up"], str(tmp_path), {"PULUMI_CONFIG_PASSPHRASE": "correct horse"}
    )
    assert result.stdout == "correct horse true --non-interactive up"


def test_plugins_beside_the_cli_come_first(tmp_path: Path) -> None:
    """They are of its version."""
    result = program(tmp_path, 'echo "$PATH"').run(["up"], str(tmp_path), {"PATH": "/usr/bin:/bin"})
    assert result.stdout == f"{tmp_path}/bin:/usr/bin:/bin"


def test_a_failure_is_pulumis_own_error(tmp_path: Path) -> None:
    """By what was printed, as the SDK tells them apart."""
    with pytest.raises(CommandError, match="broken"):
        program(tmp_path, "echo broken >&2; exit 2").run(["up"], str(tmp_path), {})


def test_a_lock_is_told_apart(tmp_path: Path) -> None:
    """It is worth another try."""
    with pytest.raises(ConcurrentUpdateError):
        program(tmp_path, "echo the stack is currently locked by 1 >&2; exit 255").run(
            ["up"], str(tmp_path), {}
        )


def test_what_is_not_utf_8_is_no_failure(tmp_path: Path) -> None:
    """A provider may print anything."""
    result = program(tmp_path, r"printf '\377ok'").run(["up"], str(tmp_path), {})
    assert result.stdout == "\ufffdok"


# ----------------------------------------------------------------- interruptions, in a process of their own

GRACEFUL = """
trap 'echo ended what was begun; exit 1' INT
echo ready
while :; do sleep 0.05; done
"""
STUBBORN = """
trap 'trap "echo gave up; exit 1" INT; echo again' INT
echo ready
while :; do sleep 0.05; done
"""
ANSWERING = "echo ready; echo $$; exec sleep 60"
OURS = """
import sys
from infra.pulumi_process import Cli, patiently

def say(line):
    print(line, flush=True)

cli = Cli(root=sys.argv[1])
try:
    patiently(lambda: cli.run(["up"], sys.argv[1], {}, say), cli, lambda line: say("al: " + line))
except KeyboardInterrupt:
    say("al: ended")
"""


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[[str], Popen[str]]]:
    """Starts a process like `al` with a Pulumi that does so, and waits until it is at work."""
    processes: list[Popen[str]] = []

    def start(body: str) -> Popen[str]:
        program(tmp_path, body)
        command = [sys.executable, "-c", OURS, str(tmp_path)]
        process = Popen(command, stdout=PIPE, encoding="utf-8", cwd=ROOT)
        processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate(timeout=PATIENCE)


def test_an_interruption_reaches_pulumi_and_is_waited_for(
    started: Callable[[str], Popen[str]],
) -> None:
    """It writes its state and gives its lock back before `al` ends, and with it the lease."""
    al = started(GRACEFUL)
    al.send_signal(signal.SIGINT)
    said, _ = al.communicate(timeout=PATIENCE)
    assert said.splitlines() == [
        "al: interrupted: Pulumi ends what it has begun; once more, and it gives up",
        "ended what was begun",
        "al: ended",
    ]


def test_a_second_interruption_reaches_it_too(started: Callable[[str], Popen[str]]) -> None:
    """Pulumi gives up at once then: the way out of a call that never answers."""
    al = started(STUBBORN)
    al.send_signal(signal.SIGINT)
    assert al.stdout is not None
    assert [al.stdout.readline() for _ in range(2)][1] == "again\n"
    al.send_signal(signal.SIGINT)
    said, _ = al.communicate(timeout=PATIENCE)
    assert said.splitlines()[1:] == ["gave up", "al: ended"]


def test_after_an_interruption_no_further_command_begins(tmp_path: Path) -> None:
    """Pulumi's SDK asks for outputs and history after an update: nobody waits for them any more."""
    cli = program(tmp_path, "touch begun")
    cli.interrupt()
    with pytest.raises(KeyboardInterrupt):
        cli.run(["stack", "output"], str(tmp_path), {})
    assert not (tmp_path / "begun").exists()


ASKED = """
trap 'echo ended what was begun; exit 1' INT
touch begun
while :; do sleep 0.05; done
"""


def test_what_is_not_ours_any_more_is_interrupted_and_waited_for(tmp_path: Path) -> None:
    """The error is raised when Pulumi has ended, not before; and it is the error, not Pulumi's."""
    cli, said = program(tmp_path, ASKED), list[str]()
    with pytest.raises(Conflict, match="overtaken"):
        patiently(
            lambda: cli.run(["up"], str(tmp_path), {}, said.append),
            cli,
            said.append,
            overtaken_once_there_is(tmp_path / "begun"),
        )
    assert said == [
        "this is not ours to do any more: Pulumi ends what it has begun",
        "ended what was begun",
    ]


def test_what_is_not_ours_is_not_begun(tmp_path: Path) -> None:
    """It may have been lost since the last command."""
    cli = program(tmp_path, "touch begun")
    with pytest.raises(Conflict, match="overtaken"):
        patiently(lambda: None, cli, print, overtaken_once_there_is(tmp_path))
    assert not cli.interrupted


def overtaken_once_there_is(path: Path) -> Callable[[], None]:
    def check() -> None:
        if path.exists():
            raise Conflict("overtaken", hint="run it again")

    return check


def test_pulumi_is_not_in_the_terminals_session(started: Callable[[str], Popen[str]]) -> None:
    """Ctrl-C goes to all of a terminal's foreground, and twice would be once too often."""
    al = started(ANSWERING)
    assert al.stdout is not None
    pulumi = int(al.stdout.readline())
    assert os.getsid(pulumi) == pulumi != os.getsid(al.pid)
    os.kill(pulumi, signal.SIGKILL)
    al.communicate(timeout=PATIENCE)
