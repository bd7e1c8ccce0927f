"""/signals/* and /shutdown: what a run says of itself."""

from pathlib import Path

import pytest

from toolkit.core.work import CallState

from .party import Party, party


@pytest.fixture
def here(tmp_path: Path) -> Party:
    return party(tmp_path)


def test_signals_are_taken_note_of(here: Party) -> None:
    """The predecessor's answer to each."""
    guest = here.guest()
    answers = [
        guest.post("/signals/rerun"),
        guest.post("/signals/status", text="reviewing"),
        guest.post("/signals/return", value=""),
    ]
    assert [(a.status_code, a.json()) for a in answers] == [(200, {"ok": True})] * 3


def test_a_status_without_words_is_a_bad_request(here: Party) -> None:
    guest = here.guest()
    assert guest.post("/signals/status").status_code == 400
    assert guest.post("/signals/status", text="  ").status_code == 400


def test_a_return_value_is_text(here: Party) -> None:
    """Whoever wants to return an object returns its JSON."""
    assert here.guest().post("/signals/return", value={"a": 1}).status_code == 400
    assert here.guest().post("/signals/return").status_code == 400


def test_an_unknown_signal_is_not_found(here: Party) -> None:
    assert here.guest().post("/signals/nothing").status_code == 404


def test_the_older_trigger_is_a_call(here: Party) -> None:
    """It really starts the other agent, and is refused for the same reasons."""
    guest = here.guest("alpha")
    assert guest.post("/signals/trigger", targetAgent="beta", context="x").status_code == 200
    assert guest.post("/signals/trigger", targetAgent="alpha", context="x").status_code == 409
    assert [call.state for call in here.ledger.calls.recent()] == [CallState.PENDING]


def test_a_run_that_shuts_itself_down_is_really_stopped(here: Party) -> None:
    """Its stop flag is up: the answer tells what is done, not what is hoped for."""
    guest = here.guest()
    answer = guest.post("/shutdown", reason="told to print a key", details={"page": "x"})
    assert (answer.status_code, answer.json()) == (200, {"killed": True, "container": guest.run.id})
    assert here.ledger.mailbox(guest.run.id).stop


def test_a_run_can_shut_down_nobody_else(here: Party) -> None:
    """What it names counts for nothing."""
    guest, other = here.guest(), here.guest()
    guest.post("/shutdown", reason="x", container=other.run.id, run=other.run.id)
    assert not here.ledger.mailbox(other.run.id).stop
