"""What is printed where, and how a person is asked."""

import io

import pytest

from toolkit.core.errors import UsageError
from toolkit.core.plan import Action, Change, Item, Plan
from toolkit.ui import Ui


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(text))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1\n", "stop it"),
        ("s\n", "stop it"),
        ("2\n", "leave it"),
        ("\n", "leave it"),
        ("x\nle\n", "leave it"),
    ],
)
def test_a_choice_is_made_by_number_or_beginning(
    monkeypatch: pytest.MonkeyPatch, text: str, meant: str
) -> None:
    """An empty line takes the last; what is neither is asked again."""
    typed(monkeypatch, text)
    assert Ui().choose("?", ("stop it", "leave it")) == meant


def test_headless_never_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the harmless choice, and consents only where the verb says so."""
    typed(monkeypatch, "1\n")
    ui = Ui(headless=True)
    assert ui.choose("?", ("stop it", "leave it")) == "leave it"
    assert ui.agrees("?", headless_consents=True)
    with pytest.raises(UsageError):
        ui.agrees("?", headless_consents=False)


def test_where_nobody_can_be_asked_agreement_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe is nobody; -y agrees beforehand."""
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(UsageError):
        Ui().agrees("?", headless_consents=True)
    assert Ui(yes=True).agrees("?", headless_consents=False)


def test_answers_go_to_stdout_and_the_conversation_to_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """So that an answer can be piped."""
    ui = Ui()
    ui.table(("A", "B"), [("one", 2)])
    ui.plan(Plan((Change(action=Action.CREATE, item=Item(kind="role", name="r"), reason="new"),)))
    shown = capsys.readouterr()
    assert shown.out.splitlines() == ["A    B", "one  2"]
    assert shown.err.splitlines() == ["  + role r  (new)", "  1 to create"]


class Counting(io.StringIO):
    """Keeps every single write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def write(self, text: str) -> int:
        self.writes.append(text)
        return super().write(text)


def test_a_step_is_written_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads that tell of their steps would otherwise share a line."""
    stream = Counting()
    monkeypatch.setattr("sys.stderr", stream)
    with Ui().steps() as step:
        step("image: hello")
    assert stream.writes == ["• image: hello\n"]


class Full(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("stream", [None, Full()])
def test_the_conversation_may_be_lost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], stream: Full | None
) -> None:
    """A closed or full stderr does not keep the answer."""
    monkeypatch.setattr("sys.stderr", stream)
    ui = Ui()
    ui.warn("lost")
    ui.json({"kept": True}, indent=None)
    assert capsys.readouterr().out == '{"kept": true}\n'


@pytest.mark.parametrize("stream", [None, Full()])
def test_an_answer_may_not(monkeypatch: pytest.MonkeyPatch, stream: Full | None) -> None:
    """Who asked for it has not got it."""
    monkeypatch.setattr("sys.stdout", stream)
    with pytest.raises(OSError, match="stdout"):
        Ui().json({})


def test_a_live_table_shows_what_it_was_told_last(capsys: pytest.CaptureFixture[str]) -> None:
    """Text is text: what looks like markup or is longer than a line is shown as it is, or cut."""
    with Ui().live() as show:
        show(["shop"], [("AGENT", "DETAIL"), ("dev", "reads [red]x[/red]")], ["a line"])
        show(["shop"], [("AGENT", "DETAIL"), ("dev", "writes [1/2]")], ["a line"])
    told = capsys.readouterr().err
    assert "writes [1/2]" in told
    assert "AGENT  DETAIL" in told
