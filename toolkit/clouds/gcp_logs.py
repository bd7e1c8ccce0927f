"""Cloud Logging as runs need it: asked for in pages, in an order that never changes, and never more often than one may.

`entries.list` is the truth.  Nothing here remembers anything: following is reading again from a little before, with
core.logs.fresh.  A project may ask 60 times a minute (https://cloud.google.com/logging/quotas), which all of its users
share, so whoever asks waits for its turn.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from toolkit.core.mailbox_lines import collected
from toolkit.core.retry import retrying
from toolkit.core.run import Mailbox
from toolkit.core.waits import waiting

from .gcp import GcpClients
from .gcp_errors import translated
from .gcp_log_entries import fields, nanoseconds
from .gcp_log_filters import NOTES, any_of, between, of_jobs

PAGE = 1000  # the most that the service gives
TIMEOUT = 60.0  # seconds for one call
LONG = 5.0  # seconds of waiting for a turn that a user should hear of
PATIENCE = 90.0  # seconds: the quota is per minute
# in one question: a filter has 20,000 characters at most, and a run's id and its job's name have up to 130
MOST_RUNS = 100


def entries(
    clients: GcpClients, wanted: str, *, newest_first: bool = False, doing: str
) -> Iterator[Any]:
    """The entries (protobuf) that match, each once, by time and insert id; a page is fetched when it is needed.

    The service removes duplicates within one answer only, and repeats them in the next
    (https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry).
    """
    pages = _pages(clients, wanted, newest_first, doing)
    for _, group in groupby((entry for page in pages for entry in page), key=nanoseconds):
        once = {entry.insert_id: entry for entry in group}
        for insert_id in sorted(once, reverse=newest_first):
            yield once[insert_id]


def mailboxes(clients: GcpClients, runs: Mapping[str, str], *, since: int) -> Mapping[str, Mailbox]:
    """What these runs' containers have noted for their launchers; `runs` is run -> job.  One question for many runs."""
    found: dict[str, Mailbox] = {}
    for some in _bunches(sorted(runs)):
        wanted = of_jobs(clients.cloud, {runs[run] for run in some}) + between(since)
        wanted += f" AND {NOTES} AND jsonPayload.run={any_of(some)}"
        lines = [fields(e) for e in entries(clients, wanted, doing="reading what the runs noted")]
        found |= {run: box for run in some if (box := collected(lines, run))}
    return found


def _bunches(runs: Sequence[str]) -> Iterator[Sequence[str]]:
    return (runs[start : start + MOST_RUNS] for start in range(0, len(runs), MOST_RUNS))


def _pages(
    clients: GcpClients, wanted: str, newest_first: bool, doing: str
) -> Iterator[Sequence[Any]]:
    request = {
        "resource_names": [clients.parent],
        "filter": wanted,
        "order_by": "timestamp desc" if newest_first else "timestamp asc",
        "page_size": PAGE,
    }
    while True:
        answer = _answer(clients, request, doing)
        yield answer.entries
        if not answer.next_page_token:
            return
        request["page_token"] = answer.next_page_token


def _answer(clients: GcpClients, request: dict[str, Any], doing: str) -> Any:
    """One page, as protobuf."""
    from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client

    def call() -> Any:
        clients.log_reads.take(waiting=_say)
        with translated(doing):
            client = clients.client(LoggingServiceV2Client)
            # the library would try again at once, and use the quota up
            pages = client.list_log_entries(request=request, retry=None, timeout=TIMEOUT)
            answer = next(iter(pages.pages))
        return type(answer).pb(answer)

    return retrying(call, seconds=PATIENCE, first=2, longest=20)


def _say(seconds: float) -> None:
    if seconds > LONG:
        waiting(f"waiting {seconds:.0f} s: Cloud Logging is asked 30 times a minute at most")
