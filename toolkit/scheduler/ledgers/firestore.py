"""The ledger of an environment on Google Cloud: one Firestore database that laptops, CI and the gateway share (D5b).

Documents: `runs/<id>`, a run's record with its mailbox in it; `facts/<key>`, what push and run remember; `al/owner`,
whose database it is.  A run's record is changed only as it was last seen, so no change is lost and no lock is held.
Expired documents are still answered for up to a day (https://firebase.google.com/docs/firestore/ttl): times are
compared here.  Agents have no right in it; what their containers say comes through their logs.
"""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from toolkit.clouds.gcp import cloud_of
from toolkit.core.clock import from_iso, iso, now
from toolkit.core.errors import AlreadyExists, NotFound
from toolkit.core.gcp_names import GcpNames
from toolkit.core.ports import Context
from toolkit.core.retry import retrying
from toolkit.core.run import Mailbox, Run, RunId

from . import _codec as codec
from ._attributes import cut
from ._firestore_documents import PATIENCE, Documents, Overtaken, Snapshot
from ._firestore_facts import Facts
from ._firestore_making import EXPIRY, make
from ._on_facts import Calls, Deliveries, Locks, Queue, forget
from ._recently import Recently

# days that a run's record is kept; and never shorter than its log, which is found by it
SHORTEST_DAYS = 14
RUNS, EXPIRES = EXPIRY
LINE, ACTIVE = "line", "active"  # fields that only listing needs
# bytes of one text: a document holds 1 MiB, and two of a run's fields may be long
LONGEST = 300_000


class FirestoreLedger:
    """core.ports.Ledger in the database `GcpNames.database`."""

    most_facts = Facts.most

    def __init__(self, context: Context, *, clock: Callable[[], datetime] = now) -> None:
        cloud, self._scope = cloud_of(context.environment), context.environment.scope
        self._kept = timedelta(days=max(context.environment.log_retention_days, SHORTEST_DAYS))
        self._documents = Documents(cloud, GcpNames(self._scope).database)
        self._seen: Recently[RunId, Snapshot] = Recently(256)
        self._clock = clock
        self._facts = Facts(self._documents)
        self.queue = Queue(self)
        self.locks = Locks(self)
        self.calls = Calls(self)
        self.deliveries = Deliveries(self, self.queue)

    def prepare(self) -> bool:
        return make(self._documents, self._scope)

    def add(self, run: Run) -> None:
        writer = secrets.token_hex(8)
        try:
            made = self._documents.create(self._where(run.id), self._record(run, writer))
        except AlreadyExists as error:
            # a write whose answer was lost is sent again, and then meets itself
            found = self._documents.get(self._where(run.id))
            if found is None or found.values.get("writer") != writer:
                raise AlreadyExists(
                    f"the run {run.id} is already recorded", hint="allocate a new run id"
                ) from error
            made = found
        self._seen[run.id] = made

    def get(self, run: RunId) -> Run | None:
        found = self._look(run)
        return _run(found) if found else None

    def update(self, run: RunId, **changes: Any) -> Run:
        codec.checked(changes)
        return retrying(
            lambda: self._changed(run, changes),
            seconds=PATIENCE,
            first=0.02,
            retry=lambda error: isinstance(error, Overtaken),
        )

    def runs(
        self, *, agent: str | None = None, active: bool = False, limit: int = 50
    ) -> Sequence[Run]:
        if limit < 1:
            return ()
        if active:
            found = self._newest(ACTIVE, limit=limit if agent is None else None)
            return tuple(run for run in found if agent in (None, run.agent))[:limit]
        if agent is None:
            return self._newest("created", limit=limit)
        return self._newest(LINE, prefix=_line(agent), limit=limit)

    def mailbox(self, run: RunId) -> Mailbox:
        found = self._look(run)
        box = found.values.get("mailbox", {}) if found else {}
        return Mailbox(
            claimed=box.get("claimed"),
            where=box.get("where") or {},
            read=box.get("read"),
            burned=box.get("burned"),
            stop=bool(box.get("stop")),
            report=json.loads(box["report"]) if box.get("report") else None,
            status=box.get("status"),
        )

    def request_stop(self, run: RunId) -> None:
        flag = {"mailbox": {"stop": True}}
        self._seen[run] = self._documents.merge(self._where(run), flag, ["mailbox.stop"])

    def fact(self, key: str) -> Any | None:
        return self._facts.fact(key)

    def set_fact(
        self,
        key: str,
        value: Any,
        *,
        expected: Any = ...,
        given: Mapping[str, Any] | None = None,
    ) -> bool:
        return self._facts.set_fact(key, value, expected=expected, given=given)

    def facts(self, prefix: str, *, limit: int | None = None) -> Mapping[str, Any]:
        """In the order of their keys; the first `limit` of them."""
        return self._facts.facts(prefix, limit=limit)

    def prune(self, before: datetime) -> int:
        old = self._documents.query(RUNS, "created", below=iso(before))
        over = [found.name for found in old if codec.ended_before(_run(found), iso(before))]
        self._documents.delete_all(over)
        return len(over) + forget(self, before)

    # for the books

    def read_facts(self, keys: Sequence[str]) -> Mapping[str, Any]:
        return self._facts.read_facts(keys)

    def set_facts(self, values: Mapping[str, Any], *, expected: Mapping[str, Any]) -> bool:
        return self._facts.set_facts(values, expected=expected)

    # runs

    def _changed(self, run: RunId, changes: Mapping[str, Any]) -> Run:
        """One attempt, from what was last seen of the run.  Raises Overtaken when it has changed since."""
        remembered = self._seen.pop(run)
        seen = remembered or self._known(run)
        old, new = _run(seen), codec.changed(_run(seen), changes)
        if new != old:
            self._seen[run] = changed = self._documents.change(seen, *_difference(old, new))
            return _run(changed)
        if remembered:  # only a look tells whether there is nothing to do
            return self._changed(run, changes)
        self._seen[run] = seen
        return old

    def _known(self, run: RunId) -> Snapshot:
        if (found := self._look(run)) is None:
            raise NotFound(
                f"no run {run} in the database {self._documents.database}",
                hint=f"list the runs with `al logs AGENT`; they are kept for {self._kept.days} days",
            )
        return found

    def _look(self, run: RunId) -> Snapshot | None:
        found = self._documents.get(self._where(run))
        return found if found and self._counts(found) else None

    def _newest(self, order: str, *, prefix: str = "", limit: int | None) -> tuple[Run, ...]:
        found = self._documents.query(RUNS, order, newest_first=True, prefix=prefix, limit=limit)
        return tuple(_run(snapshot) for snapshot in found if self._counts(snapshot))

    def _counts(self, snapshot: Snapshot) -> bool:
        """Not when it has expired."""
        return bool(snapshot.values[EXPIRES] > self._clock())

    def _record(self, run: Run, writer: str) -> dict[str, Any]:
        expires = from_iso(run.created) + self._kept
        line = {LINE: _line(run.agent) + run.created, EXPIRES: expires, "writer": writer}
        return _data(run) | line | _activity(run)

    def _where(self, run: RunId) -> str:
        return self._documents.name(RUNS, run)


def _run(snapshot: Snapshot) -> Run:
    return codec.from_data(snapshot.values)


def _data(run: Run) -> dict[str, Any]:
    """Its fields; a text that is too long is cut, and says so."""
    plain = codec.to_data(run)
    return {n: cut(v, LONGEST) if isinstance(v, str) else v for n, v in plain.items()}


def _difference(old: Run, new: Run) -> tuple[Mapping[str, Any], Sequence[str]]:
    """The fields to set, and the names of those and of the ones to take away."""
    before, after = _data(old), _data(new)
    values = {name: value for name, value in after.items() if value != before[name]}
    values |= _activity(new)
    return values, sorted({*values, ACTIVE})


def _activity(run: Run) -> dict[str, Any]:
    """What puts a run among the active ones: a query by a field finds only documents that have it."""
    return {} if run.state.final else {ACTIVE: run.created}


def _line(agent: str) -> str:
    """What an agent's runs begin with, and no other's: no name has a `#`."""
    return f"{agent}#"


PLUGIN = FirestoreLedger
