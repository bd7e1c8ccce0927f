"""Cloud Logging: entries that are written, listed by a filter, and followed.

https://cloud.google.com/logging/docs/reference/v2/rpc/google.logging.v2#loggingservicev2; limits:
https://cloud.google.com/logging/quotas.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from google.cloud.logging_v2 import types

from .log_book import Key, Line, LogBook
from .log_filter import Node, parsed
from .log_lines import Source
from .log_match import instant, predicate
from .log_tail import Tail, Tails
from .refusals import Refused, denied, invalid
from .rpc import Call, Kind, Rpc, Service

if TYPE_CHECKING:
    from .cloud import Google

SERVICE = "logging.googleapis.com"
PAGE, LARGEST_PAGE = 50, 1000
MOST_NAMES = 100
LARGEST_ENTRY = 256 * 1024
RETENTION, AHEAD = timedelta(days=30), timedelta(hours=24)
TOKEN_LIFE = timedelta(hours=24)
_ORDERS = {"": False, "timestamp asc": False, "timestamp desc": True}


class Logging(Service):
    """google.logging.v2.LoggingServiceV2, and the way in for what containers print."""

    def __init__(self, google: "Google") -> None:
        super().__init__(google)
        self._tails = Tails()

    def rpcs(self) -> Mapping[str, Rpc]:
        return {
            "WriteLogEntries": Rpc(types.WriteLogEntriesRequest, self.write),
            "ListLogEntries": Rpc(types.ListLogEntriesRequest, self.list),
            "TailLogEntries": Rpc(types.TailLogEntriesRequest, self.tail, kind=Kind.STREAM),
            "ListLogs": Rpc(types.ListLogsRequest, self.logs, "logging.logs.list", on="parent"),
            "DeleteLog": Rpc(
                types.DeleteLogRequest, self.delete, "logging.logs.delete", on="log_name"
            ),
        }

    @property
    def followers(self) -> int:
        """Sessions of TailLogEntries that are open."""
        return len(self._tails)

    def close(self) -> None:
        self._tails.close()

    # writing

    def ingest(self, source: Source, log: str, lines: Iterable[str]) -> None:
        """What a container has printed."""
        now = self.google.now()
        self.keep(source.entries(log, tuple(lines), now))

    def keep(self, entries: Iterable[Any]) -> None:
        """Entries of protobuf, received now and to be found after the ingestion delay."""
        settings = self.google.settings
        with self.google.lock:
            now, book = self.google.now(), self.google.of(LogBook)
            due = now + timedelta(seconds=settings.log_delay)
            for entry in entries:
                entry.receive_timestamp.FromDatetime(now)
                for _ in range(1 + settings.duplicate_entries):
                    self._tails.tell(book.add(entry, due))

    def write(
        self, asked: types.WriteLogEntriesRequest, call: Call
    ) -> types.WriteLogEntriesResponse:
        message = types.WriteLogEntriesRequest.pb(asked)
        entries = [self._completed(message, at) for at in range(len(message.entries))]
        for name in {entry.log_name for entry in entries}:
            call.require("logging.logEntries.create", name.partition("/logs/")[0])
        if not asked.dry_run:
            oldest = _nanoseconds(self.google.now() - RETENTION)
            self.keep(entry for entry in entries if instant(entry) >= oldest)
        return types.WriteLogEntriesResponse()

    def _completed(self, message: Any, at: int) -> Any:
        """An entry with everything that it does not say itself.  Raises Refused."""
        entry, now = message.entries[at], self.google.now()
        entry.log_name = self.google.by_id(entry.log_name or message.log_name)
        if not entry.resource.type:
            entry.resource.CopyFrom(message.resource)
        if not entry.resource.type:
            raise invalid(f"entries[{at}].resource", "a monitored resource is required")
        for key in set(message.labels) - set(entry.labels):
            entry.labels[key] = message.labels[key]
        if not instant(entry):
            entry.timestamp.FromDatetime(now)
        if instant(entry) > _nanoseconds(now + AHEAD):
            raise invalid(f"entries[{at}].timestamp", "is more than 24 hours in the future")
        entry.insert_id = entry.insert_id or secrets.token_hex(10)
        if (size := entry.ByteSize()) > LARGEST_ENTRY:
            text = f"Log entry with size {size / 1024:.1f}K exceeds maximum size of 256.0K"
            raise invalid(f"entries[{at}]", text, message=text)
        return entry

    # listing

    def list(self, asked: types.ListLogEntriesRequest, call: Call) -> Any:
        self.google.spend(
            "logging.googleapis.com/read_requests", SERVICE, self.google.settings.log_read_quota
        )
        projects, node = self._scope(asked, call), _filter(asked.filter)
        if asked.order_by not in _ORDERS:
            raise invalid("order_by", "must be 'timestamp asc' or 'timestamp desc'")
        backwards, page = _ORDERS[asked.order_by], self._page(asked.page_size)
        found = self.google.of(LogBook).found(node, projects, self.google.now())
        lines = list(found)[::-1] if backwards else found
        after = self._position(asked)
        rest = (line for line in lines if after is None or _is_after(line.key, after, backwards))
        return self._answer(asked, tuple(islice(rest, page + 1)), page)

    def _answer(
        self, asked: types.ListLogEntriesRequest, lines: tuple[Line, ...], page: int
    ) -> Any:
        answer = types.ListLogEntriesResponse.pb(types.ListLogEntriesResponse())
        unique = {line.identity: line.entry for line in lines[:page]}
        answer.entries.extend(unique.values())
        if len(lines) > page:
            answer.next_page_token = self._token(asked, lines[page - 1].key)
        return answer

    def _page(self, size: int) -> int:
        if not 0 <= size <= LARGEST_PAGE:
            raise invalid("page_size", f"must be between 0 and {LARGEST_PAGE}")
        return min(size or PAGE, self.google.settings.page_items or LARGEST_PAGE)

    def _scope(self, asked: Any, call: Call) -> frozenset[str]:
        """The projects that are asked about; entries of others are not found, and nobody says so."""
        if not 1 <= len(asked.resource_names) <= MOST_NAMES:
            raise invalid("resource_names", f"between 1 and {MOST_NAMES} are required")
        found = set()
        for name in asked.resource_names:
            project = "/".join(name.split("/")[:2])
            if not project.startswith("projects/") or project == "projects/":
                raise invalid("resource_names", f"'{name}' is not the name of a project")
            if self._is_ours(project):
                call.require("logging.logEntries.list", project)
                found.add(self.google.by_id(project))
            elif not call.caller.is_operator:
                raise denied("logging.logEntries.list", project)
        return frozenset(found)

    def _is_ours(self, project: str) -> bool:
        return project.partition("/")[2] in {self.google.project, self.google.number}

    def _token(self, asked: types.ListLogEntriesRequest, key: Key) -> str:
        data = {"of": _fingerprint(asked), "key": key, "made": self.google.now().isoformat()}
        return base64.urlsafe_b64encode(json.dumps(data).encode()).decode()

    def _position(self, asked: types.ListLogEntriesRequest) -> Key | None:
        """What the last page ended with.  Raises Refused for a token of another query, or an old one."""
        if not asked.page_token:
            return None
        try:
            data = json.loads(base64.urlsafe_b64decode(asked.page_token))
            whose, made = data["of"], datetime.fromisoformat(data["made"])
            time, insert_id, number = data["key"]
        except (ValueError, KeyError, TypeError):
            raise invalid("page_token", "is not a page token") from None
        if whose != _fingerprint(asked):
            raise invalid("page_token", "belongs to a request with other parameters")
        if self.google.now() - made > TOKEN_LIFE:
            raise invalid("page_token", "has expired")
        return int(time), str(insert_id), int(number)

    # following

    def tail(self, asked: Iterator[types.TailLogEntriesRequest], call: Call) -> Iterator[Any]:
        """Until nobody listens any more; the lock is held only while a session begins."""
        first = next(asked, None)
        if first is None:
            return
        with self.google.lock:
            node, projects = _filter(first.filter), self._scope(first, call)
            tail = Tail(self.google, node, projects, first.buffer_window)
            self._tails.begin(tail, self.google.settings.tail_sessions)
        if call.context is not None:
            call.context.add_callback(tail.end)
        try:
            yield from tail.answers()
        finally:
            self._tails.end(tail)

    # logs

    def logs(self, asked: types.ListLogsRequest, _: Call) -> types.ListLogsResponse:
        self.google.by_id(asked.parent)
        return types.ListLogsResponse(log_names=self.google.of(LogBook).logs())

    def delete(self, asked: types.DeleteLogRequest, _: Call) -> Any:
        from google.protobuf import empty_pb2

        if not self.google.of(LogBook).delete(self.google.by_id(asked.log_name)):
            raise Refused("NOT_FOUND", f"Log {asked.log_name.rpartition('/')[2]} does not exist")
        return empty_pb2.Empty()


def _filter(text: str) -> Node:
    node = parsed(text)
    predicate(node)  # which finds values that are none of their fields'
    return node


def _is_after(key: Key, after: Key, backwards: bool) -> bool:
    return key < after if backwards else key > after


def _fingerprint(asked: types.ListLogEntriesRequest) -> str:
    """Everything of a request but its place: page tokens are good for no other."""
    same = (sorted(asked.resource_names), asked.filter, asked.order_by)
    return hashlib.sha256(json.dumps(same).encode()).hexdigest()[:16]


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 10**6) * 1000
