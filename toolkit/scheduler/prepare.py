"""What a trigger becomes in the queue: a run with its id, and its work item.  Decides and reads; writes nothing."""

from collections.abc import Callable
from dataclasses import replace

from toolkit.core.clock import iso
from toolkit.core.errors import Conflict, NotFound
from toolkit.core.run import Run, RunId, Trigger, TriggerKind
from toolkit.core.work import WorkItem

from .desk import Desk
from .glance import pushed_to
from .roster import Post
from .switches import Switches

# work that somebody waits for: while all is paused it is refused, and whatever else comes waits
ATTENDED = (TriggerKind.MANUAL, TriggerKind.CALL)


def prepared(desk: Desk, trigger: Trigger) -> tuple[Run, WorkItem, int]:
    """The run, its work, and how many items of its agent may wait.

    The switches and the definitions may be up to `Glance.SECONDS` old: this is asked for every webhook.  Raises NotFound
    for an unknown agent and for one that was not pushed, Conflict for one of scale 0, and while all is paused for what
    is no webhook or schedule.
    """
    post = desk.roster().post(trigger.agent)
    check(desk, desk.glance.switches(desk.services), trigger)
    runtime = _or_planned(desk, post, lambda: desk.glance.runtime(desk.services, post))
    return make(desk, trigger, post, runtime)


def check(desk: Desk, switches: Switches, trigger: Trigger) -> None:
    """Raises Conflict for what is not to be queued now."""
    agent = trigger.agent
    if switches.scale(desk.roster(), agent) == 0:
        raise Conflict(f"{agent} has the scale 0", hint="raise its `scale` to let it run")
    post = desk.roster().post(agent)
    if trigger.kind is not TriggerKind.MANUAL and (why := switches.idle(post)):
        off = f"`al role enable {post.roles[0]}`" if agent in switches.up else f"`al up {agent}`"
        raise Conflict(f"{agent} {why}", hint=f"{off} lets it work")
    if switches.paused and trigger.kind in ATTENDED and not trigger.rerun:
        raise Conflict("the scheduler is paused", hint="`al resume`, then try again")


def make(
    desk: Desk,
    trigger: Trigger,
    post: Post,
    runtime: str,
    *,
    run: RunId | None = None,
    once: str = "",
    not_before: str | None = None,
    origin: str | None = None,
) -> tuple[Run, WorkItem, int]:
    """The same for an agent of which all is known."""
    name, created = run or RunId.new(post.agent), iso(desk.clock())
    record = Run(
        id=name,
        agent=post.agent,
        runtime=runtime,
        trigger=trigger.kind,
        created=created,
        source=trigger.source,
        prompt=trigger.prompt,
        llm_provider=trigger.llm_provider,
        llm_model=trigger.llm_model,
        delivery=trigger.delivery,
        call=trigger.call,
        depth=trigger.depth,
        rerun=trigger.rerun,
        origin=origin,
    )
    item = WorkItem(run=name, trigger=trigger, created=created, once=once, not_before=not_before)
    return record, item, post.max_queue


def renamed(run: Run, item: WorkItem, most: int) -> tuple[Run, WorkItem, int]:
    """The same work under another id: for one whose id turned out to be another run's."""
    name = RunId.new(run.agent)
    return replace(run, id=name), replace(item, run=name), most


def runtime_of(desk: Desk, post: Post) -> str:
    """Where its runs are, as the last push said.  Raises NotFound when it was not pushed, and nobody is at it."""
    return _or_planned(desk, post, lambda: pushed_to(desk.services, post))


def _or_planned(desk: Desk, post: Post, pushed: Callable[[], str]) -> str:
    if post.environment and (planned := desk.planned(post.agent)):
        return planned  # a cloud that cannot be reached now keeps nobody's work from being queued
    try:
        return pushed()
    except NotFound:
        if (planned := desk.planned(post.agent)) is None:
            raise
        return planned
