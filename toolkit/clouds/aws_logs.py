"""CloudWatch Logs as runs need it: one stream with GetLogEvents, or a group searched with FilterLogEvents.

GetLogEvents gives events no id, so each gets one from its time, its text and its place among equals, the same
forwards and backwards and at every reading.  Nothing here remembers anything: following is reading again from
a little before, with core.logs.fresh.  A group or stream that does not exist yet is an empty log.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from toolkit.core.errors import NotFound, Throttled
from toolkit.core.logs import LogEvent, event_id
from toolkit.core.retry import retrying

from .aws_errors import translated

Line = tuple[int, str]  # epoch ms, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads one run's lines with `logs`, a client.  `mine` tells them from others' in the same stream."""

    logs: Any
    run: str
    mine: Callable[[str], bool] | None = None
    page: int = 10_000  # events per call, the most that the service gives

    def forward(self, group: str, stream: str, *, since: int = 0) -> Iterator[LogEvent]:
        """Oldest first, from `since` (epoch ms) on, to the stream's present end."""
        where = {"logGroupName": group, "logStreamName": stream, "startFromHead": True}
        pages = self._pages(where | {"startTime": since}, "nextForwardToken")
        return self._numbered(line for page in pages for line in page)

    def backward(
        self, group: str, stream: str, *, before: int | None = None, since: int = 0
    ) -> Iterator[LogEvent]:
        """Newest first, those earlier than `before`; a page is fetched when the one after it has been read."""
        where = {"logGroupName": group, "logStreamName": stream, "startFromHead": False}
        where |= {"startTime": since} | ({} if before is None else {"endTime": before})
        pages = self._pages(where, "nextBackwardToken")
        lines = (line for page in pages for line in reversed(page))
        return self._numbered(_until(lines, before), newest_first=True)

    def search(
        self, group: str, terms: Iterable[str], *, since: int = 0, before: int | None = None
    ) -> Iterator[LogEvent]:
        """Oldest first, what holds any of `terms` in any stream of the group.  Five calls a second per account."""
        where: dict[str, Any] = {"logGroupName": group, "startTime": since}
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
        where["filterPattern"] = " ".join(f'?"{term}"' for term in terms)
        if before is not None:
            where["endTime"] = before - 1  # inclusive here, exclusive in GetLogEvents
        return self._numbered(_until(self._found(where), before))

    def _pages(self, where: dict[str, Any], token: str) -> Iterator[list[Line]]:
        """GetLogEvents' pages.  An empty one is not the end: the end is the token that was sent, come back."""
        request = where | {"limit": self.page}
        while (answer := self._answer("get_log_events", request)) is not None:
            yield _lines(answer)
            if answer.get(token) in (None, request.get("nextToken")):
                return
            request["nextToken"] = answer[token]

    def _found(self, where: dict[str, Any]) -> Iterator[Line]:
        """FilterLogEvents' lines.  Here a page may be empty too, and the end is an answer without a token."""
        request = dict(where)
        while (answer := self._answer("filter_log_events", request)) is not None:
            yield from _lines(answer)
            if not answer.get("nextToken"):
                return
            request["nextToken"] = answer["nextToken"]

    def _answer(self, operation: str, request: dict[str, Any]) -> Any:
        def call() -> Any:
            with translated(f"reading the log of {self.run}"):
                return getattr(self.logs, operation)(**request)

        try:
            return retrying(call, seconds=30, retry=lambda error: isinstance(error, Throttled))
        except NotFound:
            return None

    def _numbered(self, lines: Iterable[Line], *, newest_first: bool = False) -> Iterator[LogEvent]:
        """Lines of one millisecond are numbered together, so that both directions give one line one id."""
        for time, group in groupby(lines, key=lambda line: line[0]):
            texts = [text for _, text in group]
            if newest_first:
                texts.reverse()
            events = list(self._of_one_moment(time, texts))
            yield from reversed(events) if newest_first else events

    def _of_one_moment(self, time: int, texts: list[str]) -> Iterator[LogEvent]:
        equals: Counter[str] = Counter()
        for text in texts:
            id_ = event_id(time, text, equals[text])
            equals[text] += 1
            if self.mine is None or self.mine(text):
                yield LogEvent(time=time, id=id_, message=text, run=self.run)


def _lines(answer: Any) -> list[Line]:
    return [(e["timestamp"], e["message"].rstrip("\r\n")) for e in answer.get("events", ())]


def _until(lines: Iterable[Line], before: int | None) -> Iterator[Line]:
    return (line for line in lines if before is None or line[0] < before)
