"""Hooks and preflight steps, in a real run."""

import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.inside.stage import Stage
from toolkit.inside import hooks, preflight, setenv
from toolkit.inside.lines import Log
from toolkit.inside.processes import Family
from toolkit.inside.shell import Shell


def step(provider: str, required: bool = True, **params: object) -> dict[str, object]:
    return {"provider": provider, "required": required, "params": params}


@pytest.fixture
def web() -> Iterator[str]:
    """A server that answers with the header X-Token, and 404 to /missing."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Be quiet."""

        def do_GET(self) -> None:
            self.send_response(404 if self.path == "/missing" else 200)
            self.end_headers()
            self.wfile.write(self.headers.get("X-Token", "").encode())

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_hooks_run_around_the_work_in_order(stage: Stage) -> None:
    """Each is a process of its own, in the same directory and with the same credentials."""
    stage.configure(
        credentials=["github_token:default"],
        hooks={"pre": ["echo one > f", "echo two >> f; test -n $GITHUB_TOKEN"], "post": ["cat f"]},
    )
    stage.script("echo three >> f; echo working")
    done = stage.run(credentials={"github_token/default/token": "ghp_0123456789"})
    assert done.output == ["working", "one", "two", "three"]
    assert "hooks.pre: complete" in done.messages
    assert "hooks.post: complete" in done.messages


def test_a_pre_hook_that_fails_ends_the_run(stage: Stage) -> None:
    """1, nothing after it runs, and the reason names the command's place and code."""
    stage.configure(hooks={"pre": ["true", "exit 3", "echo never"], "post": ["echo never"]})
    stage.script("echo never")
    run = stage.new_run()
    done = stage.run(run)
    assert (done.code, done.output) == (1, [])
    assert "hooks.pre: failed" in done.messages
    assert "hooks.pre: [2/3] ended with exit code 3" in (stage.mailbox(run).report or {})["reason"]


def test_a_hook_that_outlasts_the_timeout_is_a_timeout(stage: Stage) -> None:
    """The hook was ended from outside: its exit code is not why the run ended."""
    stage.configure(timeout=1, hooks={"pre": ["sleep 60"]})
    stage.script("echo never")
    run = stage.new_run()
    done = stage.run(run)
    assert (done.code, done.output) == (124, [])
    assert (stage.mailbox(run).report or {})["state"] == "timed_out"


def test_a_post_hook_that_fails_changes_nothing(stage: Stage) -> None:
    """The work is done; the failure is only said."""
    stage.configure(hooks={"post": ["exit 3"]})
    stage.script("true")
    done = stage.run()
    assert done.code == 0
    assert "post hook failed" in done.messages


def test_post_hooks_run_after_a_failure_too(stage: Stage) -> None:
    """They clean up; the run still fails with the script's code."""
    stage.configure(hooks={"post": ["echo cleaning"]})
    stage.script("exit 5")
    done = stage.run()
    assert (done.code, done.output) == (5, ["cleaning"])


def test_a_secret_in_a_hooks_command_is_masked_in_the_log(stage: Stage) -> None:
    """The command is printed, what it must not show is not."""
    stage.configure(credentials=["github_token:default"], hooks={"pre": [": ghp_0123456789"]})
    stage.script("true")
    done = stage.run(credentials={"github_token/default/token": "ghp_0123456789"})
    assert "hooks.pre: [1/1]: : ***" in done.messages


def test_a_daemon_of_a_pre_hook_serves_the_work(stage: Stage) -> None:
    """What a hook leaves in the background lives until the run ends."""
    stage.configure(hooks={"pre": ["(while :; do date > beat; sleep 0.05; done) &"]})
    stage.script(
        "until test -s beat; do sleep 0.05; done; rm beat; until test -s beat; do sleep 0.05; done; echo alive"
    )
    assert stage.run().output[0] == "alive"  # a shell may say after it what became of its child


def test_preflight_fetches_what_the_agent_needs(stage: Stage, web: str) -> None:
    """A shell step's output and an HTTP answer become files; variables are filled in."""
    stage.configure(
        credentials=["github_token:default"],
        preflight=[
            step("shell", command="echo $AL_AGENT", output="shell.txt"),
            step("http", url=f"{web}/x", output="http.txt", headers={"X-Token": "t-${AL_AGENT}"}),
        ],
    )
    stage.script("cat shell.txt http.txt")
    done = stage.run(credentials={"github_token/default/token": "ghp_0123456789"})
    assert done.output == ["dev", "t-dev"]


def test_preflight_clones_with_branch_and_depth(stage: Stage) -> None:
    """The real git, from a repository on this machine."""
    stage.configure(
        hooks={
            "pre": [
                "git init -q -b side $TMPDIR/origin",
                "cd $TMPDIR/origin && echo hi > f && git add f",
                "cd $TMPDIR/origin && git -c user.name=a -c user.email=a@b commit -qm one",
            ]
        },
        preflight=[
            step("git-clone", repo="file://${TMPDIR}/origin", dest="copy", branch="side", depth=1)
        ],
    )
    stage.script("cat copy/f")
    assert stage.run().output[-1] == "hi"


@pytest.mark.parametrize(
    ("credential", "address"),
    [
        ({"github_token/default/token": "ghp_0123456789"}, "https://github.com/acme/app.git"),
        ({"git_ssh/default/id_rsa": "a-key"}, "git@github.com:acme/app.git"),
    ],
)
def test_a_repository_by_its_name_is_cloned_as_the_credentials_allow(
    stage: Stage, credential: dict[str, str], address: str
) -> None:
    """Over SSH; over HTTPS where there is a token and no key.  ${NAME} works in each parameter."""
    stage.configure(
        credentials=[next(iter(credential)).split("/")[0]],
        hooks={"pre": [
            "git init -q -b dev $TMPDIR/origin",
            "cd $TMPDIR/origin && echo hi > f && git add f",
            "cd $TMPDIR/origin && git -c user.name=a -c user.email=a@b commit -qm one",
            f"git config --global url.file://$TMPDIR/origin.insteadOf {address}",
        ]},
        preflight=[step("git-clone", repo="acme/app", dest="copy", branch="${AL_AGENT}")],
    )  # fmt: skip
    stage.script("cat copy/f")
    assert stage.run(credentials=credential).output[-1] == "hi"


@pytest.mark.parametrize(
    ("failing", "word"),
    [
        (step("shell", command="exit 4"), "exit code 4"),
        (step("http", url="file:///etc/passwd", output="x"), "not http"),
        (step("http", url="https://x/${NO_SUCH}", output="x"), "NO_SUCH"),
        (step("git-clone", repo="/nowhere", dest="d"), "git clone"),
        (step("ftp"), "ftp"),
        (step("shell"), "command"),
    ],
)
def test_a_required_step_that_fails_ends_the_run(
    stage: Stage, failing: dict[str, object], word: str
) -> None:
    """Before any work, with what was wrong."""
    stage.configure(preflight=[failing])
    stage.script("echo never")
    run = stage.new_run()
    done = stage.run(run)
    assert done.code in (1, 13)
    assert "never" not in done.output
    assert "preflight step failed" in done.messages
    assert word in (stage.mailbox(run).report or {})["reason"]


def test_an_optional_step_that_fails_is_only_said(stage: Stage, web: str) -> None:
    """The agent works without it."""
    stage.configure(preflight=[step("http", required=False, url=f"{web}/missing", output="x")])
    stage.script("echo working")
    done = stage.run()
    assert (done.code, done.output) == (0, ["working"])
    assert "preflight step failed" in done.messages


def test_how_long_hooks_took_is_in_the_report(stage: Stage) -> None:
    """Milliseconds, steps of preflight with those before; also of hooks that failed."""
    stage.configure(hooks={"pre": ["sleep 0.2"], "post": ["exit 1"]}, preflight=[])
    stage.script("true")
    run = stage.new_run()
    stage.run(run)
    usage = (stage.mailbox(run).report or {})["usage"]
    assert usage.keys() == {"preHookMs", "postHookMs"}
    assert usage["preHookMs"] >= 200


def test_what_setenv_sets_is_there_for_all_that_follows(stage: Stage) -> None:
    """Hooks, steps, the script; an export ends with its command.  Quotes and line ends survive."""
    stage.configure(
        hooks={"pre": ["setenv A \"it's\" B 'one\ntwo'; export C=c; echo $A$C", "echo $A$C"]},
        preflight=[step("shell", command="setenv D $A; test -z $C")],
    )
    stage.script('echo "$A" "$B" "$D"')
    done = stage.run()
    assert done.output == [
        "set 2 variable(s)",
        "it'sc",
        "it's",
        "set 1 variable(s)",
        "it's one",
        "two it's",
    ]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("setenv A 1 setenv B 2; echo $A$B", ["set 2 variable(s)", "12"]),
        ("setenv A; echo $?", ["setenv: there is no value for A", "9"]),
        ("setenv 1A x; echo $?", ["setenv: '1A' is no name of a variable", "9"]),
        ("setenv 'A;touch x' x; ls", ["setenv: 'A;touch x' is no name of a variable"]),
        ("setenv; echo $?", ["setenv: use it as: setenv NAME VALUE", "9"]),
        ("setenv A '$(touch x)'; echo $A; ls", ["set 1 variable(s)", "$(touch x)"]),
    ],
)
@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_setenv_takes_pairs_of_names_and_values(
    tmp_path: Path, shell: str, command: str, said: list[str]
) -> None:
    """In every shell; a stray `setenv` in between is taken for none, and nothing of a value is run."""
    place, work = tmp_path / "place", tmp_path / "work"
    place.mkdir()
    work.mkdir()
    env = {"PATH": os.environ["PATH"], **setenv.install(place)}
    for _ in range(2):  # what was noted is read by the next one
        done = subprocess.run(
            [shell, "-c", setenv.with_variables(command, env)],
            cwd=work, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        assert done.stdout.splitlines() == said


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """An agent's shell, without a run around it."""
    log = Log("run", write=lambda _data: None)
    return Shell(family=Family(log), cwd=tmp_path, env={"PATH": os.environ["PATH"]})


def test_a_hook_and_a_step_have_their_time(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """300 seconds each, and then they are ended with all that they have started."""
    assert (hooks.SECONDS, preflight.SECONDS) == (300, 300)
    monkeypatch.setattr(hooks, "SECONDS", 0.2)
    monkeypatch.setattr(preflight, "SECONDS", 0.2)
    log = Log("run", write=lambda _data: None)
    with pytest.raises(hooks.HookFailed, match=r"\[1/1\] ended with exit code 124 after 0.2 s"):
        hooks.run_hooks("pre", ["sleep 60"], shell, log)
    with pytest.raises(preflight.StepFailed, match="ended with exit code 124"):
        preflight.run_preflight([step("shell", command="sleep 60 & wait")], shell, log)
