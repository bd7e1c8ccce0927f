"""Reading logs: through the gateway where the environment has one, else straight from where they are kept."""

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from toolkit.core.agent import AgentName
from toolkit.core.errors import (
    AlError,
    ConfigError,
    NotFound,
    UsageError,
)
from toolkit.core.logs import Entry
from toolkit.core.reader import Page, Query
from toolkit.core.run import RunId, RunState
from toolkit.core.secrets import Secret
from toolkit.core.sources import Target
from toolkit.ops.logs.source import POLL, Direct, Following, Look, Source, last_lines
from toolkit.ops.logs.view import View, counted
from toolkit.ops.remote import KEY, Refused, deployed_url, gateway_key
from toolkit.wiring import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the user asked for.  Times are epoch ms; `grep` is a regular expression on the whole line.

    Of `lines`, those count that `view` shows.
    """

    target: str
    lines: int = 50
    follow: bool = False
    after: int | None = None
    before: int | None = None
    grep: str | None = None
    view: View = View.RAW


def stream(
    services: Services,
    wish: Wish,
    *,
    note: Callable[[str], None],
    variables: Mapping[str, str] = os.environ,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Entry]:
    """The last lines, and with `follow` what comes after them: of a run to its end, of an agent for ever.

    Raises UsageError, NotFound, and what the gateway or the cloud refuses.  One source never stands in for the
    other, except that on this machine a gateway that does not run is done without.  Where there is no line, `note`
    is told why, if that is known.
    """
    query, target = _query(wish), target_of(services, wish.target)
    direct = Direct(services, target, query, sleep=sleep)
    key = gateway_key(services, variables)
    url = services.environment.gateway_url
    if not (
        url and key
    ):  # with both, the gateway reads the ledger, and nobody here need be able to
        deployed = deployed_url(services)
        url = url or deployed
    if url and not key:
        note(f"this machine has no key for the gateway ({KEY}): reading the logs directly")
    source = _remote(url, key, target, wish, sleep) if url and key else direct
    try:
        entries, page = _newest(services, source, wish, target)
    except Refused:
        if services.environment.cloud is not None:
            raise
        note("no gateway is running here: reading the log files")
        source = direct
        entries, page = _newest(services, source, wish, target)
    if not entries and (reason := _why_nothing(services, target)):
        note(reason)
    yield from entries
    if wish.follow and page.cursor and not page.ended:
        yield from source.follow(page.cursor)


def follow_run(
    services: Services,
    run: RunId,
    *,
    poll: float = POLL,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Following:
    """Every line of a run from its first to its last, straight from where they are kept; settles the run.

    After KeyboardInterrupt the same iterator goes on where it was.
    """
    target = Target(agent=run.agent, run=run)
    return Direct(services, target, Query(), poll=poll, sleep=sleep, clock=clock).follow()


def target_of(services: Services, text: str) -> Target:
    """First an agent of the project, then a run; else an agent that others may have deployed.  Raises UsageError."""
    agents = _agents(services)
    if text not in agents:
        try:
            run = RunId.parse(text)
            return Target(agent=AgentName.parse(run.agent), run=run)
        except ConfigError:
            pass  # then it is an agent's name, or nothing
    try:
        return Target(agent=AgentName.parse(text))
    except ConfigError as error:
        known = f"; known agents: {', '.join(agents)}" if agents else ""
        raise UsageError(
            f"{text!r} is neither an agent's name nor a run's id", hint=f"name one{known}"
        ) from error


def _query(wish: Wish) -> Query:
    if wish.lines < 1:
        raise UsageError(f"-n {wish.lines} is no number of lines", hint="ask for at least 1")
    if wish.follow and wish.before is not None:
        raise UsageError(
            "what follows is never before a past time", hint="leave out -f, or --before and --date"
        )
    if wish.after is not None and wish.before is not None and wish.after >= wish.before:
        raise UsageError(
            "--after is not before --before: no line is in between",
            hint="swap them, or leave one of them out",
        )
    try:
        search = re.compile(wish.grep).search if wish.grep else None
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(
            f"--grep {wish.grep!r} is not a regular expression: {error}",
            hint="escape special characters with a backslash",
        ) from error
    matches = (lambda text: search(text) is not None) if search else None
    return Query(after=wish.after, before=wish.before, grep=matches)


def _newest(
    services: Services, source: Source, wish: Wish, target: Target
) -> tuple[list[Entry], Page]:
    """The last lines; none of an agent that the project has and that is not deployed yet, unless it is followed."""
    try:
        return last_lines(source, wish.lines, partial(counted, view=wish.view))
    except NotFound:
        if wish.follow or target.run is not None or target.agent not in _agents(services):
            raise
        return [], Page(entries=())


def _agents(services: Services) -> list[AgentName]:
    return [agent.name for agent in services.project.agents] if services.project else []


def _why_nothing(services: Services, target: Target) -> str | None:
    """Why there is no line of an agent that has not run, or of a run that has not begun; None for any other."""
    try:
        if target.run is None:
            runs = services.ledger.runs(agent=target.agent, limit=1)
            return None if runs else f"no runs of {target.agent} yet"
        run = Look(services, clock=time.monotonic)(target.run)
        begun = services.ledger.mailbox(target.run).claimed is not None
    except AlError:  # who may ask the gateway need not reach what it reads
        return None
    if run is None or begun or run.state is RunState.RUNNING:
        return None
    if run.state.final:
        return f"{run.id} {run.state.value}: {run.reason}" if run.reason else None
    return f"{run.id} has not started yet"


def _remote(
    url: str, key: Secret, target: Target, wish: Wish, sleep: Callable[[float], None]
) -> Source:
    from toolkit.ops.logs.gateway import RemoteLogs

    bounds = {"after": wish.after, "before": wish.before, "grep": wish.grep}
    return RemoteLogs(url=url, key=key, target=target, bounds=bounds, sleep=sleep)
