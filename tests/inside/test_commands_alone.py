"""The commands of a run without a gateway: each answers at once, and says what it can and cannot do."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from toolkit.inside.commands import (
    call,
    check,
    return_,
    rlock,
    rlock_heartbeat,
    runlock,
    shutdown,
    status,
    wait,
)
from toolkit.inside.signals import Signals

Main = Callable[[Sequence[str]], int]
ISSUE = "github://acme/shop/issues/1"
LOCKS = (rlock.main, runlock.main, rlock_heartbeat.main)


@pytest.fixture(autouse=True)
def _no_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GATEWAY_URL", raising=False)
    monkeypatch.delenv("SHUTDOWN_SECRET", raising=False)


@pytest.mark.parametrize(
    ("main", "words"), [(call.main, ["beta", "do", "it"]), (check.main, ["1"]), (wait.main, ["1", "2"])]
)  # fmt: skip
def test_nobody_can_be_called(
    main: Main, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """5, and the reason in JSON, where a script looks for an answer."""
    assert main(words) == 5
    assert json.loads(capsys.readouterr().out)["ok"] is False


@pytest.mark.parametrize("main", LOCKS)
def test_a_lock_is_nobody_elses(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    """A run without a gateway has nobody to share with."""
    assert main([ISSUE]) == 0
    assert capsys.readouterr().out == '{"ok":true}\n'


@pytest.mark.parametrize("main", LOCKS)
def test_a_key_that_is_no_uri_is_refused_here_too(
    main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    """4, as with a gateway: a script must not work here and fail there."""
    assert main(["issue-1"]) == 4
    assert "URI" in json.loads(capsys.readouterr().out)["reason"]


def test_al_shutdown_does_nothing_and_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """0: there is nobody who could end the run."""
    assert shutdown.main(["a", "reason"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("main", "words"),
    [
        (call.main, []), (call.main, ["--help"]), (check.main, []), (check.main, ["1", "2"]), (wait.main, []),
        (wait.main, ["--timeout", "5"]), (wait.main, ["1", "--timeout"]), (wait.main, ["1", "--timeout=soon"]),
        (wait.main, ["1", "--timeout", "-1"]), (wait.main, ["1", "--timeout", "inf"]), (wait.main, ["1", "--quick"]),
        (rlock.main, []), (rlock.main, [""]), (runlock.main, ["a:b", "c:d"]), (rlock_heartbeat.main, []),
    ],
)  # fmt: skip
def test_wrong_use_is_9_with_what_to_type(
    main: Main, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 9
    out, err = capsys.readouterr()
    assert (out, err.startswith("error: ")) == ("", True)


def test_a_gateway_that_has_no_address_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever set GATEWAY_URL hears of it."""
    for address in ("localhost:8080", "ftp://x", "http://", "http://x:port"):
        monkeypatch.setenv("GATEWAY_URL", address)
        assert rlock.main([ISSUE]) == 9
        assert "GATEWAY_URL" in capsys.readouterr().err


def test_words_that_are_no_utf_8_are_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell passes any bytes on (PEP 383)."""
    monkeypatch.setenv("AL_SIGNAL_DIR", str(tmp_path))
    assert [return_.main(["a\udcff"]), status.main(["b\udcff"])] == [0, 0]
    signals = Signals(tmp_path)
    assert (signals.answer, signals.status) == ("a?", "b?")
