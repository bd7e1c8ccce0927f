"""Agents that behave as badly as they can: each run ends as it should, with its report, and leaves nothing behind."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.inside.stage import Stage
from toolkit.core.run import Mailbox

MEGABYTES = 30


def report(box: Mailbox) -> tuple[int, str]:
    said = box.report or {}
    return said["exit_code"], said["state"]


def resident(pid: int) -> int:
    """Kilobytes that it has had at most: https://man7.org/linux/man-pages/man5/proc_pid_status.5.html"""
    peak = [n for n in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmHWM" in n]
    return int(peak[0].split()[1]) if peak else 0


def alive(mark: str) -> list[int]:
    """The processes whose command line has `mark` in it, and that are no zombies."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        found += [int(entry.name)] if mark.encode() in command else []
    return found


def test_a_line_of_megabytes_needs_no_memory(stage: Stage) -> None:
    """It goes through in parts; the entry point stays as small as it is with nothing to do."""
    stage.script(f"head -c {MEGABYTES}000000 /dev/zero | tr '\\0' x")
    run = stage.new_run()
    size, memory = 0, 0
    with stage.start(run) as process:
        assert process.stdout is not None
        for number, line in enumerate(process.stdout):
            size += len(line)
            memory = memory if number % 200 else max(memory, resident(process.pid))
    assert size > MEGABYTES * 1_000_000
    assert 1_000 < memory < 64_000
    assert report(stage.mailbox(run)) == (0, "succeeded")


COMET = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
end = time.monotonic() + 60
while time.monotonic() < end:
    if os.fork():
        os._exit(0)
    os.setsid()
"""


@pytest.mark.parametrize(
    ("work", "ended"), [("sleep 60", (124, "timed_out")), ("true", (0, "succeeded"))]
)
def test_what_forks_for_ever_is_ended(stage: Stage, work: str, ended: tuple[int, str]) -> None:
    """A process that is another one every moment, leads a session of its own, and does not hear SIGTERM."""
    (stage.static / "comet.py").write_text(COMET)
    stage.configure(timeout=2)
    stage.script(f"python3 -S $HOME/comet.py & {work}")
    run = stage.new_run()
    stage.run(run)
    assert report(stage.mailbox(run)) == ended
    assert alive(f"{stage.temporary}/") == []


def test_many_processes_at_once_are_ended(stage: Stage) -> None:
    """Two hundred that do not hear SIGTERM, and start others when they can."""
    stage.script(
        "for n in $(seq 200); do sh -c 'trap \"\" TERM; while :; do sleep 60; done' $HOME & done"
    )
    run = stage.new_run()
    stage.run(run)
    assert report(stage.mailbox(run)) == (0, "succeeded")
    assert alive(f"{stage.temporary}/") == []


def test_an_agent_may_close_its_output(stage: Stage) -> None:
    """Nothing more to read is no end: the run goes on until its process ends."""
    stage.script('exec >&- 2>&-; sleep 0.3; al-return "still here"; exit 7')
    run = stage.new_run()
    done = stage.run(run)
    assert (done.code, done.output) == (7, [])
    assert (stage.mailbox(run).report or {})["return_value"] == "still here"


def test_an_agent_may_delete_everything_that_it_sees(stage: Stage) -> None:
    """Its directories, its signals, its commands: the run still ends with its code, and a report."""
    stage.configure(hooks={"post": ["echo after"]})
    stage.script(
        'rm -rf "$HOME" "$TMPDIR" "$AL_SIGNAL_DIR" "$AL_CREDENTIALS_PATH" "$(dirname "$HOME")"; exit 5'
    )
    run = stage.new_run()
    done = stage.run(run)
    assert (done.code, report(stage.mailbox(run))) == (5, (5, "failed"))
    assert done.messages[-1] == "run completed"
    assert "post hook failed" in done.messages


def test_control_characters_arrive_as_data(stage: Stage) -> None:
    """A terminal's commands, NUL and a lone carriage return are text in JSON: it is for who shows it to disarm them."""
    stage.script(r"printf '\033]0;owned\007\033[2J\000\r50%%\rdone\n'")
    done = stage.run()
    assert done.output == ["\x1b]0;owned\x07\x1b[2J\x00\r50%\rdone"]


@pytest.fixture
def small(stage: Stage) -> Iterator[Stage]:
    """A stage whose temporary directory has two megabytes."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "al-test", str(stage.temporary)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a tmpfs needs root")
    yield stage
    subprocess.run(["umount", str(stage.temporary)], check=True)


def test_a_full_disk_does_not_cost_the_report(small: Stage) -> None:
    """The script fails as it likes; its commands say what is wrong, hooks and report still happen, all is wiped."""
    small.configure(hooks={"post": ["echo after"]})
    small.script("cat /dev/zero > $TMPDIR/f 2>/dev/null; al-status hi; echo $?; exit 3")
    run = small.new_run()
    done = small.run(run)
    assert (done.code, report(small.mailbox(run))) == (3, (3, "failed"))
    assert done.output[:2] == ["error: [Errno 28] No space left on device", "9"]
    assert done.output[-1] == "after"
    assert list(small.temporary.iterdir()) == []


def test_a_full_disk_at_the_start_is_named(small: Stage) -> None:
    """13: the platform owes the run a place to work, and nothing of the agent's is begun."""
    (small.temporary / "f").write_bytes(bytes(2 << 20))
    small.script("echo never")
    run = small.new_run()
    done = small.run(run)
    assert (done.code, done.output) == (13, [])
    assert "cannot be written: No space left" in (small.mailbox(run).report or {})["reason"]


def test_an_agent_that_kills_its_parent_has_no_report(stage: Stage) -> None:
    """They share a user, so it can: the platform sees how the process ended, and nothing pretends otherwise."""
    stage.script("kill -KILL $PPID")
    run = stage.new_run()
    process = stage.start(run)
    assert stage.finish(process).code == -signal.SIGKILL
    assert stage.mailbox(run).report is None


def test_no_process_can_be_started_any_more(stage: Stage) -> None:
    """Where the kernel refuses another process the run ends with its report, and says why."""
    stage.script("exit 4")
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12));"
        "from toolkit.inside.entry import main; sys.exit(main())"
    )
    run = stage.new_run()
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", code],
        cwd=stage.static, env=stage.environment(run), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    done = stage.finish(process)
    assert done.code != 0
    assert report(stage.mailbox(run))[1] == "failed"


MEANT = {
    10: "authentication failed",
    11: "permission denied",
    12: "rate limited",
    13: "invalid configuration",
    14: "a service that it depends on failed",
    15: "unrecoverable",
    16: "aborted by the user",
    17: "budget used up",
    124: "timed out",
}


@pytest.mark.parametrize("code", [*MEANT, 1, 2, 113, 137, 143, 255])
def test_every_exit_code_of_a_script_is_the_runs(stage: Stage, code: int) -> None:
    """Whatever it is, the container ends with it, the run has failed, and a known one is put into words."""
    stage.script(f"exit {code}")
    run = stage.new_run()
    assert stage.run(run).code == code
    assert report(stage.mailbox(run)) == (code, "failed")
    assert MEANT.get(code, "ended") in (stage.mailbox(run).report or {})["reason"]
