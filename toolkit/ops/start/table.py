"""What the terminal shows while agents are served, as values: a table for a person, or a line for each change.  Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from toolkit.core.clock import from_iso, iso
from toolkit.core.run import Run
from toolkit.scheduler.cron import next_start
from toolkit.scheduler.history import Result, duration_ms, result
from toolkit.scheduler.roster import Post
from toolkit.scheduler.status import Seen, Standing, State, begun, doing, last_seconds, standings

COLUMNS = ("AGENT", "STATE", "LAST RUN", "TOKENS", "COST", "NEXT RUN", "QUEUE", "DETAIL")
LONGEST_DETAIL = 60
FIRST = {State.RUNNING: 0, State.ERROR: 1, State.IDLE: 2}  # where not all agents can be shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`head` and `foot` are lines around the rows."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    foot: Sequence[str]


def table(
    seen: Seen,
    *,
    about: str,
    lines: Sequence[str],
    troubles: Mapping[str, str],
    most: int,
) -> Table:
    """At most so many rows: those at work first, then those in trouble.  `about` says what is served, and where."""
    every = sorted(standings(seen, next_start), key=lambda s: (FIRST[s.state], s.post.agent))
    shown = sorted(every[:most], key=lambda s: s.post.agent)
    left = [f"... and {len(every) - most} more agents"] if len(every) > most else []
    head = [about, _counts(seen, every)]
    rows = [_row(one, troubles.get(one.post.agent), seen.moment) for one in shown]
    return Table(head=head, rows=rows, foot=[*left, *lines])


def changes(before: Seen | None, after: Seen) -> Iterator[str]:
    """A line for each change: runs that began and ended, a pause, agents that were paused.  Nothing at first."""
    if before is None:
        return
    old, new = before.switches, after.switches
    if old.paused != new.paused:
        yield "paused: nothing starts" if new.paused else "resumed"
    for name in sorted(set(old.disabled) ^ set(new.disabled)):
        yield f"{name} is {'paused' if name in new.disabled else 'resumed'}"
    was = {run.id for run in begun(before.active)}
    known = {run.id for run in before.recent}
    for run in reversed(begun(after.active)):
        if run.id not in was:
            yield _started(run)
    for run in sorted(after.recent, key=lambda run: run.finished or ""):
        if run.id in known:
            continue
        if run.started and run.id not in was:  # it began and ended between two looks
            yield _started(run)
        yield f"{run.id} {ended(run)}"


def as_found(seen: Seen | None, found: Sequence[Run]) -> Seen | None:
    """The first look, as if nobody had looked after what was found going on: a run that has ended since is told of too."""
    if seen is None:
        return None
    ids = {run.id for run in found}
    active = (*found, *(run for run in seen.active if run.id not in ids))
    return replace(seen, active=active, recent=[run for run in seen.recent if run.id not in ids])


def _started(run: Run) -> str:
    return f"{run.id} started on {run.runtime} ({doing(run)})"


def ended(run: Run) -> str:
    """What became of it, in words."""
    took = duration_ms(run)
    after = f" after {took / 1000:.1f} s" if took is not None and run.started else ""
    why = f": {run.reason}" if run.reason and result(run) is not Result.COMPLETED else ""
    again = " and asks to be run again" if result(run) is Result.RERUN else ""
    return f"{run.state.value.replace('_', ' ')}{after}{again}{why}"


def _counts(seen: Seen, every: Sequence[Standing]) -> str:
    limit = seen.switches.limit(seen.roster)
    working = sum(len(one.instances) for one in every)
    timed = sum(bool(one.post.timing) for one in every)
    places = f" of {limit}" if limit else ""
    paused = "  PAUSED" if seen.switches.paused else ""
    return f"{len(every)} agents, {timed} with a schedule, {working}{places} at work{paused}"


def _row(one: Standing, trouble: str | None, moment: datetime) -> tuple[str, ...]:
    used = one.usage
    return (
        _name(one.post),
        _state(one, trouble),
        _last(one),
        f"{used.total:,}" if used.total else "",
        f"${used.cost:.2f}" if used.cost else "",
        _in(one.next_run, moment),
        str(one.queued or ""),
        (trouble or one.said or one.trouble or "")[:LONGEST_DETAIL],
    )


def _name(post: Post) -> str:
    """With the environment that its runs are in, where that is another one."""
    return f"{post.agent}@{post.environment}" if post.environment else str(post.agent)


def _state(one: Standing, trouble: str | None) -> str:
    if one.instances:
        return f"running {len(one.instances)}/{one.scale}"
    if trouble:
        return "not ready"
    if not one.enabled:
        return "paused"
    return "off (scale 0)" if one.scale == 0 else one.state.value


def _last(one: Standing) -> str:
    if one.last is None:
        return ""
    at = from_iso(one.last.started or one.last.created).astimezone()
    took = last_seconds(one)
    return f"{at:%H:%M:%S}" + (f" {took:.1f} s" if took is not None else "")


def _in(next_run: datetime | None, moment: datetime) -> str:
    if next_run is None:
        return ""
    seconds = int((next_run - moment).total_seconds())
    hours, minutes = divmod(max(seconds, 0) // 60, 60)
    if hours >= 24:
        return iso(next_run)[:10]
    return f"in {hours} h {minutes} min" if hours else f"in {minutes} min {max(seconds, 0) % 60} s"
