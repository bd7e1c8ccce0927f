"""The doing half of a teardown, in an order that can be interrupted anywhere and begun again.

lease -> runs are asked to stop -> what pushes recorded is forgotten -> the engine's record -> everything in the account,
kind by kind -> a second look, until nothing is there -> this machine's own files

Facts go before the things: a push after an interruption then makes what is missing, rather than believe.  One thing
that resists does not keep the others, but it keeps the shared state and the bucket, with which the next attempt goes on.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from toolkit.core.clock import iso, now
from toolkit.core.errors import AlError
from toolkit.core.parallel import WAITING, at_once
from toolkit.core.plan import Item
from toolkit.core.ports import Ledger, Left
from toolkit.ops import deploy_lease, infrastructure, state
from toolkit.ops.credentials import PUSHED, cloud_name
from toolkit.ops.deploy_lease import Busy, Lease
from toolkit.ops.images import FACTS as IMAGES
from toolkit.ops.push import read_facts
from toolkit.ops.pushed_facts import BEGUN, PROJECT
from toolkit.ops.teardown import Teardown, left_to_dict, named
from toolkit.ops.teardown import local as teardown_local
from toolkit.ops.teardown import runs as teardown_runs
from toolkit.ops.teardown.agent import used
from toolkit.scheduler.dispatch import fact_key

Progress = Callable[[str], None]
AT_ONCE = (
    8  # removals of one kind in flight; Lambda and ECR answer 15 or more control calls a second
)
LOOK_SECONDS = (
    60.0  # in which lists may still show what is gone, or a service makes a log group again
)
AGAIN = "see to what resists, then run the same command again: it goes on from there"
# kinds that stay while others resist: those named, or None for any
WAITS: Mapping[str, tuple[str, ...] | None] = {
    # Lambda takes a function's network interfaces out of the group as the function's role
    "role": ("security_group",),
    "pulumi_state": None,
    **dict.fromkeys(state.KINDS),
    "bucket": None,
}


@dataclass(slots=True, kw_only=True)
class Failure:
    """What could not be removed, and why."""

    item: Item
    message: str
    hint: str

    def to_dict(self) -> dict[str, Any]:
        return {**named(self.item), "error": self.message, "hint": self.hint}


@dataclass(slots=True, kw_only=True)
class Receipt:
    """What was removed, what had gone before, what stays and why, and what resisted."""

    environment: str
    project: str
    agent: str | None
    removed: list[Item] = field(default_factory=list)
    absent: tuple[Item, ...] = ()
    left: list[Left] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    verified_absent: str | None = None  # when a look at the whole account found nothing more
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        return {
            "environment": self.environment,
            "project": self.project,
            "agent": self.agent,
            "removed": [named(item) for item in self.removed],
            "absent": [named(item) for item in self.absent],
            "left": [left_to_dict(left) for left in self.left],
            "failed": [failure.to_dict() for failure in self.failed],
            "notes": list(self.notes),
            "verified_absent": self.verified_absent,
            "seconds": self.seconds,
        }


def begun(teardown: Teardown, *notes: str) -> Receipt:
    """The receipt while nothing is removed; `notes` are added to what was decided."""
    return Receipt(
        environment=teardown.services.environment.name,
        project=teardown.services.environment.scope.project,
        agent=teardown.agent,
        absent=teardown.absent,
        left=list(teardown.left),
        notes=[*teardown.notes, *notes],
    )


@dataclass
class _Work:
    """A teardown under way."""

    teardown: Teardown
    receipt: Receipt
    progress: Progress
    sleep: Callable[[float], None]
    clock: Callable[[], float]
    lease: Lease | None = None
    failures: dict[tuple[str, str], Failure] = field(default_factory=dict)
    removed: dict[tuple[str, str], Item] = field(default_factory=dict)

    def remove(self, items: Sequence[Item]) -> None:
        """Kind by kind in this order, several of one kind at a time."""
        for kind, some in groupby(items, key=lambda item: item.kind):
            self._check_lease()
            may = [item for item in some if self._may_go(kind, item)]
            at_once(self._remove, may, most=AT_ONCE, interrupted=lambda: self.progress(WAITING))

    def look(self) -> tuple[Item, ...]:
        """What is still there, or there again, of what is to go."""
        teardown = self.teardown
        wanted = {item.key for item in teardown.items}
        stays = {left.item.key for left in teardown.left} - wanted
        agents = {i.tags["al:agent"] for i in teardown.items if "al:agent" in i.tags}
        found = teardown.services.inventory.found(teardown.agent, known={*teardown.known, *agents})
        return tuple(
            item
            for item in found.ours
            if item.key not in stays
            and (item.key in wanted or teardown.agent in (None, item.tags.get("al:agent")))
        )

    def _check_lease(self) -> None:
        """Until the shared state, in which the lease is, has gone."""
        if self.lease and not any(kind in state.KINDS for kind, _ in self.removed):
            self.lease.check()

    def _may_go(self, kind: str, item: Item) -> bool:
        waits = WAITS.get(kind, ())
        there = {k for k, _ in self.failures if k != kind}
        blocked = there if waits is None else there & set(waits)
        if blocked:
            self.failures[item.key] = Failure(
                item=item, message=f"kept while the {_listed(blocked)} above cannot go", hint=AGAIN
            )
        return not blocked

    def _remove(self, item: Item) -> None:
        try:
            self.teardown.services.inventory.remove(item)
        except AlError as error:
            self.failures[item.key] = Failure(item=item, message=error.message, hint=error.hint)
            self.progress(f"cannot remove {_words(item)}: {error.message}")
            return
        self.failures.pop(item.key, None)
        if item.key not in self.removed:
            self.removed[item.key] = item
            self.progress(f"removed {_words(item)}")


def carry_out(
    teardown: Teardown,
    progress: Progress,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Receipt:
    """Do what was decided; what resists is in the receipt.

    Raises Conflict when somebody else is changing the environment, or has changed it since this was decided.
    """
    started, receipt = clock(), begun(teardown)
    work = _Work(teardown, receipt, progress, sleep, clock)
    if not teardown.due:
        receipt.verified_absent = iso(now())
        return receipt
    with _lease(teardown) as work.lease:
        _steps(work)
    receipt.seconds = round(clock() - started, 3)
    return receipt


@contextmanager
def _lease(teardown: Teardown) -> Iterator[Lease | None]:
    """The deploy lease; none where there is no shared state of ours that it could be in."""
    if not teardown.table:
        yield None
        return
    services = teardown.services
    with deploy_lease.held(services.ledger, deploy_lease.holder()) as lease:
        if read_facts(services) != teardown.facts:
            raise Busy(
                f"somebody has changed {services.environment.name} since this was decided",
                hint="run the same command again, to see what is there now",
            )
        yield lease


def _steps(work: _Work) -> None:
    teardown, services = work.teardown, work.teardown.services
    if work.lease:
        teardown_runs.ask_to_stop(
            services.ledger, teardown.agent, work.progress, sleep=work.sleep, clock=work.clock
        )
        _forget(teardown, work.lease.ledger)
    if teardown.agent is None:
        _forget_engine(work)
    _empty(work)
    _conclude(work)


def _forget(teardown: Teardown, ledger: Ledger) -> None:
    """What pushes recorded of what is to go.  The agents' names are kept first: they prove whose a log group is."""
    agents = {*teardown.known, *([teardown.agent] if teardown.agent else [])}
    needs = {agent: list(used(teardown.facts, agent)) for agent in sorted(agents)}
    ledger.set_fact(BEGUN, {"agents": sorted(agents), "used": needs})
    for key, value in _forgotten(teardown).items():
        ledger.set_fact(key, value)


def _forgotten(teardown: Teardown) -> dict[str, Any]:
    """Fact -> what it becomes; None removes it."""
    facts, names = teardown.facts, teardown.services.context.names
    if teardown.agent is None:
        return {key: None for key in facts if key not in (PROJECT, BEGUN)}
    gone = {item.key for item in teardown.items}
    paths = {
        cloud_name(names, key.removeprefix(PUSHED)): key for key in facts if key.startswith(PUSHED)
    }
    keys = [f"{IMAGES}{name}" for kind, name in gone if kind == "repository"]
    ends = tuple(f"/{name}" for kind, name in gone if kind == "image")  # after the host and project
    keys += [key for key in facts if key.startswith(IMAGES) and key.endswith(ends)]
    keys += [paths[name] for kind, name in gone if kind == "secret" and name in paths]
    changed = {key: None for key in (*keys, fact_key(teardown.agent)) if key in facts}
    return {**changed, infrastructure.APPLIED: infrastructure.without(facts, gone)}


def _forget_engine(work: _Work) -> None:
    """The engine's own record of what it made.  The account can be emptied without it, so it keeps nothing else."""
    try:
        note = work.teardown.services.applier.forget(progress=work.progress)
    except AlError as error:
        note = f"the engine's record of what it made stays: {error.message} ({error.hint})"
    if note:
        work.receipt.notes.append(note)


def _empty(work: _Work) -> None:
    """Remove, and look again until nothing is there but what resists: lists show for a while what is gone, and a
    function that was still ending may have had its log group made again."""
    work.remove(work.teardown.items)
    deadline, pause = work.clock() + LOOK_SECONDS, 0.25
    while again := [item for item in work.look() if item.key not in work.failures]:
        if work.clock() > deadline:
            for item in again:
                words = f"{_words(item)} is listed again and again"
                work.failures[item.key] = Failure(item=item, message=words, hint=AGAIN)
            return
        work.remove(again)
        work.sleep(pause)
        pause = min(pause * 2, 5.0)


def _conclude(work: _Work) -> None:
    """The receipt; and this machine's own files, once there is nothing left that they speak of."""
    receipt, teardown = work.receipt, work.teardown
    receipt.removed += work.removed.values()
    receipt.failed += work.failures.values()
    if receipt.failed:
        return
    receipt.verified_absent = iso(now())
    for item in teardown.local:
        teardown_local.remove(teardown.services, item)
        work.progress(f"removed {_words(item)}")
        receipt.removed.append(item)
    if teardown.agent is not None and work.lease:
        work.lease.ledger.set_fact(BEGUN, None)


def _words(item: Item) -> str:
    return f"{item.kind.replace('_', ' ')} {item.name}"


def _listed(kinds: Collection[str]) -> str:
    return " and the ".join(sorted(kind.replace("_", " ") for kind in kinds))
