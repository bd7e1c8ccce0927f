"""The commands of a run with a gateway: what they send it, and what they make of its answers."""

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.party import ISSUE, Guest, Party, party
from toolkit.core.run import RunState
from toolkit.inside.commands import (
    call,
    check,
    rerun,
    return_,
    rlock,
    rlock_heartbeat,
    runlock,
    shutdown,
    status,
    wait,
)
from toolkit.inside.commands.launchers import launchers
from toolkit.inside.signals import MOST_CONTEXT, MOST_RETURN, Signals

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Party:
    return party(tmp_path_factory.mktemp("party"))


@pytest.fixture(scope="module")
def address(here: Party) -> Iterator[str]:
    with here.serving() as address:
        yield address


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call, "PAUSE", 0.0)


@pytest.fixture
def me(here: Party, address: str, monkeypatch: pytest.MonkeyPatch) -> Guest:
    """The run that this process is."""
    guest = here.guest()
    for name, value in environment(address, guest).items():
        monkeypatch.setenv(name, value)
    return guest


def environment(address: str, guest: Guest) -> dict[str, str]:
    return {"GATEWAY_URL": f"{address}/", "SHUTDOWN_SECRET": guest.token}


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_a_lock_is_taken_kept_and_given_back(
    me: Guest, here: Party, capsys: pytest.CaptureFixture[str]
) -> None:
    """0 each, and 2 for what nobody holds any more."""
    key = f"{ISSUE}/taken"
    codes = [main([key]) for main in (rlock.main, rlock_heartbeat.main, runlock.main, runlock.main)]
    assert codes == [0, 0, 0, 2]
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["ok"] for answer in answers] == [True, True, True, False]


def test_a_lock_that_another_has_is_1_and_says_who(
    me: Guest, here: Party, capsys: pytest.CaptureFixture[str]
) -> None:
    other = here.guest("beta")
    other.post("/locks/acquire", resourceKey=f"{ISSUE}/other")
    assert rlock.main([f"{ISSUE}/other"]) == 1
    assert printed(capsys)["holder"] == other.run.id
    assert runlock.main([f"{ISSUE}/other"]) == 1


@pytest.mark.parametrize("module", [rlock, runlock, rlock_heartbeat])
def test_a_key_that_is_no_uri_is_4(
    module: Any, me: Guest, capsys: pytest.CaptureFixture[str]
) -> None:
    assert module.main(["issue 1"]) == 4
    assert "URI" in printed(capsys)["error"]


def test_a_run_that_is_over_is_3(me: Guest, here: Party) -> None:
    """Whoever still runs when its run is over has no say any more."""
    here.end(me.run.id)
    assert rlock.main([ISSUE]) == 3
    assert check.main(["some"]) == 3


def test_an_agent_is_called_checked_and_waited_for(
    me: Guest, here: Party, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The context may hold anything: it is JSON when it travels, and text when it arrives."""
    context = 'say "hi" to $USER\n{"a": [1]} é'
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(context.encode() + b"\n")))
    assert call.main(["beta"]) == 0
    asked = printed(capsys)["callId"]
    assert here.placed(asked).context == context
    assert check.main([asked]) == 0
    assert printed(capsys) == {"status": "pending"}
    callee = here.callee(asked)
    callee.post("/signals/return", value="hi")
    here.end(callee.run.id)
    assert wait.main([asked, "--timeout", "30"]) == 0
    assert printed(capsys) == {asked: {"status": "completed", "returnValue": "hi"}}


def test_words_after_the_agents_name_are_the_context(
    me: Guest, here: Party, capsys: pytest.CaptureFixture[str]
) -> None:
    """As with al-return."""
    assert call.main(["beta", "do", "it"]) == 0
    assert here.placed(printed(capsys)["callId"]).context == "do it"


@pytest.mark.parametrize("target", ["alpha", "nobody"])
def test_a_call_that_is_refused_is_1_with_the_reason(
    target: str, me: Guest, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call.main([target, "x"]) == 1
    answer = printed(capsys)
    assert (answer["ok"], bool(answer["reason"])) == (False, True)


def test_a_context_that_is_too_large_is_not_sent(
    me: Guest, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call.main(["beta", "x" * (MOST_CONTEXT + 1)]) == 9
    assert "32,768 bytes" in capsys.readouterr().err


def test_a_call_that_nobody_knows_is_2(me: Guest, capsys: pytest.CaptureFixture[str]) -> None:
    """Also one whose id would be something else in a path."""
    for asked in ("nothing", "a?b#c", "%", "é"):
        assert check.main([asked]) == 2
    assert wait.main(["nothing", "--timeout", "30"]) == 2


def test_waiting_ends_when_the_time_is_over(
    me: Guest, here: Party, capsys: pytest.CaptureFixture[str]
) -> None:
    """8, with what is known of each call; a failed one is an answer like another."""
    slow, failed = me.call("beta"), me.call("gamma")
    here.end(here.callee(failed).run.id, RunState.FAILED, reason="broken")
    assert wait.main([slow, failed, "--timeout=0.2"]) == 8
    answers = printed(capsys)
    assert (answers[slow]["status"], answers[failed]["status"]) == ("pending", "error")
    assert wait.main([failed]) == 0


def test_waiting_holds_one_question_until_there_is_news(
    me: Guest, here: Party, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody sleeps for five seconds after the answer was there."""
    asked = me.call("beta")
    callee = here.callee(asked)
    ending = threading.Timer(0.2, here.end, (callee.run.id,))
    ending.start()
    assert wait.main([asked]) == 0
    ending.join()
    assert printed(capsys)[asked]["status"] == "completed"


def test_signals_are_told_and_kept(
    me: Guest, here: Party, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is for the run's report, and the gateway hears it at once."""
    monkeypatch.setenv("AL_SIGNAL_DIR", str(tmp_path))
    asked = me.call("beta")
    monkeypatch.setenv("SHUTDOWN_SECRET", here.callee(asked).token)
    value = "€" * (MOST_RETURN // 3)
    assert [rerun.main([]), status.main(["busy"]), return_.main([value])] == [0, 0, 0]
    assert here.placed(asked).return_value == value
    signals = Signals(tmp_path)
    assert (signals.rerun, signals.status, signals.answer) == (True, "busy", value)


def test_nothing_that_is_told_has_a_credentials_value_in_it(
    me: Guest,
    here: Party,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An answer and what another agent is asked are kept in records that many may read."""
    secret = tmp_path / "github_token" / "default" / "token"
    secret.parent.mkdir(parents=True)
    secret.write_text("hunter2-hunter2")
    for name, value in {
        "AL_SIGNAL_DIR": str(tmp_path),
        "AL_CREDENTIALS_PATH": str(tmp_path),
        "AL_MASKED": "github_token/default/token:github_token/gone/token",
    }.items():
        monkeypatch.setenv(name, value)
    assert call.main(["beta", "use hunter2-hunter2"]) == 0
    asked = printed(capsys)["callId"]
    assert here.placed(asked).context == "use ***"
    monkeypatch.setenv("SHUTDOWN_SECRET", here.callee(asked).token)
    assert return_.main(["it is hunter2-hunter2 here"]) == 0
    assert here.placed(asked).return_value == "it is *** here"


def test_a_signal_needs_no_gateway_that_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Best effort: only stderr hears of it, and never of the token."""
    monkeypatch.setenv("AL_SIGNAL_DIR", str(tmp_path))
    monkeypatch.setenv("GATEWAY_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("SHUTDOWN_SECRET", "hush\nX-Evil: 1")
    assert return_.main(["value"]) == 0
    out, err = capsys.readouterr()
    assert (out, "hush" in err) == ('{"ok":true}\n', False)
    assert "did not hear it" in err


def test_a_gateway_that_is_away_is_6(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GATEWAY_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("SHUTDOWN_SECRET", "token")
    assert [rlock.main([ISSUE]), call.main(["beta", "x"]), shutdown.main([])] == [6, 6, 6]
    assert "cannot be reached" in capsys.readouterr().err


class Unwell(BaseHTTPRequestHandler):
    """A proxy that answers itself before it lets the next one through."""

    statuses = (502, 503, 200)

    def do_POST(self) -> None:
        self.server.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))  # type: ignore[attr-defined]
        self.send_response(self.statuses[len(self.server.heard) - 1])  # type: ignore[attr-defined]
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Nothing on stderr: that is the command's."""


def test_a_call_whose_answer_was_lost_is_sent_again_as_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By its callId the gateway knows it."""
    with HTTPServer(("127.0.0.1", 0), Unwell) as server:
        server.heard = heard = list[dict[str, str]]()  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("GATEWAY_URL", f"http://127.0.0.1:{server.server_port}/stage")
        monkeypatch.setenv("SHUTDOWN_SECRET", "token")
        code = call.main(["beta", "x"])
        server.shutdown()
        thread.join()
    assert (code, len(heard), len({body["callId"] for body in heard})) == (0, 3, 1)


def test_al_shutdown_ends_the_run(
    me: Guest, here: Party, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shutdown.main(["told", "to", "leak"]) == 0
    assert printed(capsys) == {"killed": True, "container": me.run.id}
    assert here.ledger.mailbox(me.run.id).stop


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An /app with bin and lib."""
    app = tmp_path_factory.mktemp("app")
    (app / "bin").mkdir()
    (app / "lib").symlink_to(REPOSITORY)
    for name, content in launchers().items():
        (app / "bin" / name).write_bytes(content)
        (app / "bin" / name).chmod(0o755)
    return app / "bin"


def shell(commands: Path, env: Mapping[str, str], line: str) -> tuple[int, Sequence[str]]:
    path = {"PATH": f"{commands}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["/bin/sh", "-c", line], env=path | env, capture_output=True, text=True, check=False
    )
    return done.returncode, [*done.stdout.splitlines(), *done.stderr.splitlines()]


def test_a_script_uses_both_names_of_a_command(commands: Path, here: Party, address: str) -> None:
    """As a process in an agent's shell: what is piped in arrives, and the exit code is the script's to test."""
    guest = here.guest()
    line = "printf 'a \"b\"' | al-call beta && printf c | al-subagent gamma; al-subagent alpha x"
    code, lines = shell(commands, environment(address, guest), line)
    taken = [here.placed(json.loads(text)["callId"]) for text in lines[:2]]
    assert [(c.target, c.context) for c in taken] == [("beta", 'a "b"'), ("gamma", "c")]
    assert (code, "itself" in lines[2]) == (1, True)


def test_a_script_takes_a_lock_or_goes_on(commands: Path, here: Party, address: str) -> None:
    """`rlock KEY && work` is enough."""
    one, two = here.guest(), here.guest()
    line = f"rlock {ISSUE}/script >/dev/null && echo mine"
    assert shell(commands, environment(address, one), line) == (0, ["mine"])
    assert shell(commands, environment(address, two), line) == (1, [])
