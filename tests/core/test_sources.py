"""Where the lines of a run are whose launcher died before it could say."""

from tests.gateway.logbook import START_MS, Book, a_run, at, event
from toolkit.core.clock import iso
from toolkit.core.reader import Query, Reader
from toolkit.core.run import Mailbox, RunState
from toolkit.core.sources import Target


def test_the_claim_says_where_the_lines_are() -> None:
    """The container has written it into the mailbox: the run's log is not lost for good."""
    book = Book()
    run = book.add(a_run(handle=None, state=RunState.SUCCEEDED, finished=iso(at(1))), event(0, "a"))
    book.boxes[run.id] = Mailbox(claimed=iso(at(0)), where={"log_stream": "s"})
    reader = Reader(book, book.runtime, clock=lambda: at(2))
    page = reader.page(Target(agent=run.agent, run=run.id), Query())
    assert [entry["msg"] for entry in page.entries] == ["a"]
    assert not page.ended  # its last lines may still arrive


def test_a_handle_is_made_of_the_claim() -> None:
    """With the time from which on its log is to be searched."""
    handle = a_run(handle=None).handle_at(Mailbox(claimed=iso(at(0)), where={"log_stream": "s"}))
    assert handle is not None
    assert handle.ids == {"launched": str(START_MS), "log_stream": "s"}
    assert a_run(handle=None).handle_at(Mailbox()) is None
