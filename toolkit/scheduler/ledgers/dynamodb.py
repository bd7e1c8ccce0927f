"""The ledger of an environment on AWS: one table that laptops, CI and the gateway share (D5b).

Partitions: `run/<id>` the record; `runs`, `runs/<agent>` and `active` point to records, so that listing never
scans; `box/<agent>/<id>` the mailbox, which a run's container writes; `fact` what push and run remember (see
_dynamodb_facts.py).
Every read is strongly consistent.  Runs and what points to them expire when their logs do.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Any

from toolkit.clouds.aws import cloud_of
from toolkit.core.clock import from_iso, iso
from toolkit.core.errors import AlError, AlreadyExists, NotFound
from toolkit.core.ports import Context
from toolkit.core.run import Mailbox, Run, RunId, RunState

from . import _codec as codec
from ._attributes import decode, encode
from ._dynamodb_facts import Facts
from ._making import EXPIRY, make
from ._on_facts import Calls, Deliveries, Locks, Queue, forget
from ._table import MOST_KEYS, Item, Request, Table, condition_failed, key

SHORTEST_DAYS = (
    14  # that a run's record is kept; and never shorter than its log, which is found by it
)
ENDED = "ended"  # an attribute that only a final run's record has
KNOWN = "attribute_exists(pk)"


class DynamoLedger:
    """core.ports.Ledger in the table `Names.table`."""

    most_facts = Facts.most

    def __init__(self, context: Context) -> None:
        self._cloud = cloud_of(context.environment)
        self._names = context.names
        self._kept = timedelta(days=max(context.environment.log_retention_days, SHORTEST_DAYS))
        self._table = Table(self._cloud, context.names.table)
        self._facts = Facts(self._table)
        self.queue = Queue(self)
        self.locks = Locks(self)
        self.calls = Calls(self)
        self.deliveries = Deliveries(self, self.queue)

    def prepare(self) -> bool:
        return make(self._table.client, self._names)

    def add(self, run: Run) -> None:
        expiry = {EXPIRY: encode(int((from_iso(run.created) + self._kept).timestamp()))}
        pointers = [_newest("runs", run), _newest(f"runs/{run.agent}", run)]
        pointers += [] if run.state.final else [_active(run.id)]
        actions = [
            Table.putting(_record(run) | expiry, "attribute_not_exists(pk)"),
            *(Table.putting({**p, "run": encode(str(run.id)), **expiry}) for p in pointers),
            # the mailbox expires with its run; the container that writes it knows nothing of that
            Table.putting({**self._box(run.id), **expiry}),
        ]
        try:
            self._table.transact(actions)
        except AlError as error:
            if not condition_failed(error):
                raise
            raise AlreadyExists(
                f"the run {run.id} is already recorded", hint="allocate a new run id"
            ) from error

    def get(self, run: RunId) -> Run | None:
        item = self._table.get(_where(run))
        return _run(item) if item else None

    def update(self, run: RunId, **changes: Any) -> Run:
        paths = _paths(codec.checked(changes))
        try:
            return self._set(run, paths, final_stays="state" in changes)
        except AlError as error:
            if not condition_failed(error):
                raise
        # it is unknown, or it is over: then only its receipt can change
        receipt = {path: time for path, time in paths.items() if path.startswith("receipt.")}
        record = self._known(run)
        return self._set(run, receipt, final_stays=False) if receipt else record

    def runs(
        self, *, agent: str | None = None, active: bool = False, limit: int = 50
    ) -> Sequence[Run]:
        if active:
            return self._active_runs(agent)[:limit]
        partition = "runs" if agent is None else f"runs/{agent}"
        pointers = self._table.query(partition, newest_first=True, page=min(max(limit, 1), 1000))
        found: list[Run] = []
        # a pointer may outlive its record for as long as expiry takes, so one batch may not be enough
        while len(found) < limit:
            if not (some := list(islice(pointers, min(limit - len(found), MOST_KEYS)))):
                break
            found += self._read(some)
        return tuple(found)

    def mailbox(self, run: RunId) -> Mailbox:
        item = self._table.get(self._box(run)) or {}
        box = {name: decode(value) for name, value in item.items()}
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
        self._table.set(self._box(run), {"stop": True})

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

    # for the books

    def read_facts(self, keys: Sequence[str]) -> Mapping[str, Any]:
        return self._facts.read_facts(keys)

    def set_facts(self, values: Mapping[str, Any], *, expected: Mapping[str, Any]) -> bool:
        return self._facts.set_facts(values, expected=expected)

    def prune(self, before: datetime) -> int:
        """Runs would expire by themselves, but not before their logs."""
        old, found = self._older(iso(before)), 0
        while pointers := list(islice(old, MOST_KEYS)):
            over = [run for run in self._read(pointers) if codec.ended_before(run, iso(before))]
            found += len(over)
            for run in over:
                self._forget(run)
        return found + forget(self, before)

    def _older(self, before: str) -> Iterator[Item]:
        pointers = self._table.query("runs", page=1000)
        return takewhile(lambda pointer: pointer["sk"]["S"] < before, pointers)

    def _forget(self, run: Run) -> None:
        gone = (_where(run.id), _newest("runs", run), _newest(f"runs/{run.agent}", run))
        self._table.transact([Table.deleting(where) for where in (*gone, self._box(run.id))])

    def _known(self, run: RunId) -> Run:
        if (record := self.get(run)) is None:
            raise NotFound(
                f"no run {run} in the table {self._table.name}",
                hint=f"list the runs with `al logs AGENT`; they are kept for {self._kept.days} days",
            )
        return record

    def _set(self, run: RunId, paths: Mapping[str, Any], *, final_stays: bool) -> Run:
        if not paths:
            return self._known(run)
        condition = KNOWN + (f" AND attribute_not_exists({ENDED})" if final_stays else "")
        if "state" not in paths or not RunState(paths["state"]).final:
            return _run(self._table.set(_where(run), paths, condition))
        end = Table.setting(_where(run), {**paths, ENDED: True}, condition)
        self._table.transact([{"Update": end}, Table.deleting(_active(run))])
        return self._known(run)

    def _active_runs(self, agent: str | None) -> tuple[Run, ...]:
        pointers = self._table.query("active")
        live = self._read([p for p in pointers if agent in (None, _pointed(p).agent)])
        live = [run for run in live if not run.state.final]
        return tuple(sorted(live, key=lambda run: (run.created, run.id), reverse=True))

    def _read(self, pointers: Sequence[Item]) -> list[Run]:
        """The records that these point to, in their order; one that has expired is left out."""
        ids = [_pointed(pointer) for pointer in pointers]
        records = map(_run, self._table.read_many([_where(run) for run in ids]))
        runs = {run.id: run for run in records}
        return [runs[run] for run in ids if run in runs]

    def _box(self, run: RunId) -> Request:
        return key(self._names.mailbox(run), "box")


# what is where in the table


def _where(run: RunId) -> Request:
    return key(f"run/{run}", "run")


def _newest(partition: str, run: Run) -> Request:
    return key(partition, f"{run.created}#{run.id}")


def _active(run: RunId) -> Request:
    return key("active", run)


def _pointed(pointer: Item) -> RunId:
    return RunId(pointer["run"]["S"])


def _record(run: Run) -> Request:
    ended = {ENDED: encode(True)} if run.state.final else {}
    return {**_where(run.id), **{k: encode(v) for k, v in codec.to_data(run).items()}, **ended}


def _run(item: Item) -> Run:
    return codec.from_data({name: decode(item[name]) for name in item if name in codec.FIELDS})


def _paths(changes: Mapping[str, Any]) -> dict[str, Any]:
    """What to set; a receipt's times one by one, so that none that is known is lost."""
    plain = {name: codec.plain(value) for name, value in changes.items()}
    receipt = plain.pop("receipt", {})
    return plain | {f"receipt.{name}": time for name, time in receipt.items()}


PLUGIN = DynamoLedger
