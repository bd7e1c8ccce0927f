"""Nothing of a run stays behind: no process, no file, no credential."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.inside.stage import Stage

KEY = "-----BEGIN KEY-----\nabcdef\n-----END KEY-----\n"
TOKEN = {"github_token/default/token": "ghp_0123456789"}


def alive(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def pids(place: Path) -> list[int]:
    return [int(text) for text in place.read_text().split()]


def test_background_processes_end_with_the_run(stage: Stage) -> None:
    """Also those that ignore SIGTERM, have a session of their own, or are a daemon's orphan."""
    noted = stage.root / "pids"
    stage.script(
        f"""
        sleep 300 & echo $! >> {noted}
        setsid sh -c 'trap "" TERM; echo $$ >> {noted}; sleep 300; sleep 300' &
        (setsid sh -c '(sleep 300 & echo $! >> {noted}) &' &)
        while [ $(wc -l < {noted}) -lt 3 ]; do sleep 0.05; done
        """
    )
    done = stage.run()
    assert done.code == 0
    assert len(pids(noted)) == 3
    assert [pid for pid in pids(noted) if alive(pid)] == []


def test_a_timeout_ends_the_whole_family(stage: Stage) -> None:
    """Children of the script that ran out of time do not go on without it."""
    noted = stage.root / "pids"
    stage.configure(timeout=1)
    stage.script(f"(trap '' TERM; echo $$ >> {noted}; sleep 300) & echo $! >> {noted}; sleep 300")
    assert stage.run().code == 124
    assert [pid for pid in pids(noted) if alive(pid)] == []


def test_a_daemon_that_keeps_the_output_does_not_hold_the_run(stage: Stage) -> None:
    """The run ends with the script, not with the last holder of its pipe."""
    stage.script("sleep 300 & echo done")
    done = stage.run()
    assert (done.code, done.output) == (0, ["done"])


def test_credential_files_are_private_and_then_gone(stage: Stage) -> None:
    """0400 in directories of 0700 while the agent works, nothing afterwards."""
    stage.configure(credentials=["github_token:default"])
    stage.script(
        "cd $AL_CREDENTIALS_PATH; stat -c '%a %n' . github_token github_token/default "
        "github_token/default/token; stat -c %s github_token/default/token"
    )
    done = stage.run(credentials=TOKEN)
    assert done.output == [
        "700 .",
        "700 github_token",
        "700 github_token/default",
        "400 github_token/default/token",
        "14",
    ]
    assert not stage.credentials.exists()


def test_only_declared_credentials_become_files(stage: Stage) -> None:
    """A model's key is in the same secret, and is none of the agent's business."""
    stage.configure(credentials=["github_token:default"])
    stage.script("cd $AL_CREDENTIALS_PATH; find . -type f")
    done = stage.run(credentials=TOKEN | {"anthropic_key/default/token": "sk-ant-0123456789"})
    assert done.output == ["./github_token/default/token"]


def test_leftovers_of_another_run_are_not_seen(stage: Stage) -> None:
    """The credentials' place is empty before this run's are put there."""
    stale = stage.credentials / "github_token" / "other"
    stale.mkdir(parents=True)
    (stale / "token").write_text("old")
    stage.configure(credentials=["github_token:default"])
    stage.script("cd $AL_CREDENTIALS_PATH; find . -type f")
    assert stage.run(credentials=TOKEN).output == ["./github_token/default/token"]


def test_working_files_are_deleted_whatever_their_rights(stage: Stage) -> None:
    """A repository's read-only objects and a directory without rights go too."""
    stage.script(
        "mkdir -p a/b; echo x > a/b/c; chmod 400 a/b/c; chmod 000 a/b; chmod 500 a; echo y > $TMPDIR/z"
    )
    assert stage.run().code == 0
    assert os.listdir(stage.temporary) == []  # noqa: PTH208 - names are what is meant


@pytest.fixture
def swept(stage: Stage) -> Iterator[Stage]:
    """A stage that is cleared by `rm`: pytest's own way ends where recursion does."""
    yield stage
    subprocess.run(["rm", "-rf", str(stage.temporary)], check=True)


def test_a_tree_of_any_depth_is_deleted(swept: Stage) -> None:
    """Deeper than a path can be long and than recursion goes, and with names that are in the way."""
    swept.script(
        "mkdir -p $TMPDIR/in/in; echo x > $TMPDIR/in/in/in; "
        """python3 -c "import os; [(os.mkdir('d'), os.chdir('d')) for _ in range(3000)]; open('deep', 'w')" """
    )
    done = swept.run()
    assert (done.code, done.messages[-1]) == (0, "run completed")
    assert list(swept.temporary.iterdir()) == []


def test_a_run_changes_its_own_copies_and_nobody_elses(stage: Stage) -> None:
    """Files, files in directories, the script itself and what is beside it: the next run finds them as they were.

    Where the image is shared a link would let one run change another's files, and on Lambda would fail: outside of
    /tmp the file system is read-only (https://docs.aws.amazon.com/lambda/latest/dg/images-create.html).
    """
    (stage.static / "shared").mkdir()
    for name in ("notes.md", "shared/rules.md"):
        (stage.static / name).write_text("as baked\n")
    stage.script(
        'cat notes.md shared/rules.md; echo changed | tee notes.md shared/rules.md "$(dirname "$0")/notes.md"; '
        "echo new > shared/more; rm notes.md; sed -i s/baked/lost/ test-script.sh; ls shared"
    )
    both = [stage.run().output, stage.run().output]
    assert both == [["as baked", "as baked", "changed", "more", "rules.md"]] * 2
    assert (stage.static / "notes.md").read_text() == "as baked\n"


def test_copies_are_writable_and_stay_executable(stage: Stage) -> None:
    """Whatever rights an image gave its files."""
    tools = stage.static / "tools"
    tools.mkdir()
    (tools / "run").write_text("#!/bin/sh\necho ran\n")
    (tools / "data").write_text("x")
    for place, mode in ((tools / "run", 0o555), (tools / "data", 0o444), (tools, 0o555)):
        place.chmod(mode)
    stage.script("tools/run; stat -c %A tools tools/run tools/data | cut -c 2-4")
    done = stage.run()
    tools.chmod(0o755)
    assert done.output == ["ran", "rwx", "rwx", "rw-"]


def test_the_agents_own_files_survive_the_wiping(stage: Stage) -> None:
    """They are copied into the working directory: the copies go, the files stay."""
    (stage.static / "shared").mkdir()
    (stage.static / "shared" / "notes.md").write_text("keep me\n")
    stage.script("cat shared/notes.md; echo new > written; ls")
    done = stage.run()
    assert done.output[0] == "keep me"
    assert "written" in done.output
    assert (stage.static / "shared" / "notes.md").read_text() == "keep me\n"
    assert not (stage.static / "written").exists()


def test_files_are_wiped_after_a_kill_by_timeout(stage: Stage) -> None:
    """Credentials do not survive a run that had to be ended."""
    stage.configure(timeout=1, credentials=["git_ssh:default"])
    stage.script("ls $HOME/.ssh; sleep 60")
    done = stage.run(credentials={"git_ssh/default/id_rsa": KEY})
    assert (done.code, done.output) == (124, ["id_rsa"])
    assert not stage.credentials.exists()
    assert list(stage.temporary.iterdir()) == []


def test_a_symlink_is_deleted_and_not_followed(stage: Stage) -> None:
    """Wiping stays inside of the run's own directories."""
    outside = stage.root / "outside"
    outside.mkdir()
    (outside / "file").write_text("keep me")
    stage.script(f"ln -s {outside} link; ln -s {outside} $AL_CREDENTIALS_PATH/link")
    assert stage.run().code == 0
    assert (outside / "file").read_text() == "keep me"


def test_the_entry_points_memory_is_closed_to_the_agent() -> None:
    """Agent and entry point share a user id, so the entry point is not dumpable (prctl(2), PR_SET_DUMPABLE)."""
    code = (
        "import ctypes; from toolkit.inside.processes import keep_to_ourselves;"
        "keep_to_ourselves(); print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"


def test_where_no_thread_can_be_started_no_program_is_left(tmp_path: Path) -> None:
    """Its output could not be read; threads count as processes, of which an agent may have used up all."""
    code = f"""
import resource, subprocess
from pathlib import Path
from toolkit.inside.lines import Log
from toolkit.inside.processes import Family
family, size = Family(Log("run")), int(Path("/proc/self/statm").read_text().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (size + (1 << 20), resource.RLIM_INFINITY))
try:
    family.start(("sleep", "60"), cwd=Path({str(tmp_path)!r}), env={{"PATH": "/usr/bin:/bin"}})
except BlockingIOError:
    print("refused")
family.end()
print(family._alive())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1:] == ["refused", "False"]
    assert "a program could not be started" in done.stdout
