"""A key behind an option, and one that is asked for: in this process, with a stdin that is no terminal."""

import io
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from toolkit.commands._app import App
from toolkit.commands._model import keyed
from toolkit.commands._typed import typed_secret
from toolkit.core.errors import UsageError
from toolkit.core.secrets import Secret
from toolkit.llm.bundle import KeyMissing
from toolkit.llm.candidates import Flags, Rank, from_flags
from toolkit.llm.names import TABLE
from toolkit.ui import Ui


@dataclass
class Begun:
    """What needs the key of a provider for each of `lacking`, and every flags that it was begun with."""

    lacking: tuple[str, ...]
    seen: list[Flags] = field(default_factory=list)

    def __call__(self, flags: Flags) -> list[str]:
        self.seen.append(flags)
        for name in self.lacking:
            if name not in flags.keys:
                raise KeyMissing(name, f"{name} needs a key", hint="set a variable")
        return [key.reveal() for key in flags.keys.values()]


class Attended(Ui):
    """Somebody is there."""

    attended = True


def at_a_terminal() -> App:
    app = App()
    app.__dict__["ui"] = Attended()
    return app


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "empty.txt").write_text(" \n", encoding="utf-8")
    (tmp_path / "key.txt").write_text("sk-1\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.setenv("MINE", " sk-1 ")
    monkeypatch.delenv("NOSUCH", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    return tmp_path


@pytest.mark.parametrize("text", ["env:MINE", "@key.txt"])
def test_a_key_is_what_stands_at_its_place(here: Path, text: str) -> None:
    """Without the space around it."""
    assert typed_secret(App(headless=True), text, option="--key", what="key").reveal() == "sk-1"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("env:NOSUCH", "--key: the variable NOSUCH is not set"),
        ("env:", "--key: env: names no variable"),
        ("env:EMPTY", "--key: there is nothing in the variable EMPTY"),
        ("@empty.txt", "--key: there is nothing in the file empty.txt"),
        ("@nowhere", "--key: 'nowhere' cannot be read"),
        ("-", "--key: there is nothing on stdin"),
    ],
)
def test_a_place_without_a_key_is_named(here: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        typed_secret(App(headless=True), text, option="--key", what="key")
    assert caught.value.message == words


def test_where_nobody_is_a_missing_key_is_an_error_at_once(here: Path) -> None:
    """CI never waits for somebody to type."""
    begun = Begun(("openai",))
    with pytest.raises(KeyMissing):
        keyed(App(), Flags(), begun)
    assert len(begun.seen) == 1


def test_at_a_terminal_each_key_that_is_missing_is_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is kept in memory only, and what was chosen already stays as it was."""
    begun, typed = Begun(("openai", "groq")), iter(("sk-1", "gsk-2"))
    keys = keyed(at_a_terminal(), Flags(model="gpt-4o"), begun, ask=lambda _: Secret(next(typed)))
    assert keys == ["sk-1", "gsk-2"]
    assert [flags.model for flags in begun.seen] == ["gpt-4o"] * 3
    assert capsys.readouterr().err == "• openai needs a key\n• groq needs a key\n"


def test_whoever_types_nothing_reads_what_to_set() -> None:
    """Rather than being asked for ever."""
    with pytest.raises(KeyMissing) as caught:
        keyed(at_a_terminal(), Flags(), Begun(("openai",)), ask=lambda _: Secret(""))
    assert caught.value.hint == "set a variable"


def test_a_key_that_is_typed_is_as_near_as_a_variable() -> None:
    """It is the chosen provider's, and does not choose one."""
    (found,) = from_flags(Flags(keys={"openai": Secret("sk-1")}), TABLE)
    assert (found.provider, found.rank, found.origin) == ("openai", Rank.OWN_VARIABLE, "typed")
