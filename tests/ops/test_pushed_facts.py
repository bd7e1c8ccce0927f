"""What a decision about an environment is made upon: what pushes recorded, and nothing that changes while it is at work."""

from pathlib import Path

from gateway import relayed_in_ledger, sessions, waking
from tests.contracts.ledger import a_run
from tests.services import FakeServices
from toolkit.core.agent import AgentName
from toolkit.core.run import Trigger, TriggerKind
from toolkit.core.work import WorkItem
from toolkit.ops import deploy_lease
from toolkit.ops.push import read_facts
from toolkit.ops.pushed_facts import ROOMS, SINGLE
from toolkit.scheduler import clockwork, switches, turns

PUSHED = [*(f"{room}dev" for room in ROOMS), *SINGLE]
AT_WORK = [
    deploy_lease.FACT,
    switches.FACT,
    turns.FACT,
    waking.FACT,
    f"{clockwork.PREFIX}dev",
    f"{relayed_in_ledger.FACT}dev",
    f"{sessions.FACT}1",
]


def test_what_changes_while_the_environment_works_is_no_fact_of_a_push(tmp_path: Path) -> None:
    """A tick between a plan and its doing is not somebody who has pushed, nor is a delivery, a lock or a login."""
    ledger = (services := FakeServices(tmp_path)).ledger
    ledger.prepare()
    for key in (*PUSHED, *AT_WORK):
        ledger.set_fact(key, {"of": key})
    trigger = Trigger(agent=AgentName("dev"), kind=TriggerKind.WEBHOOK)
    ledger.queue.add(
        run := a_run(), WorkItem(run=run.id, trigger=trigger, created=run.created), most=9
    )
    assert len(ledger.facts("")) > len(PUSHED) + len(AT_WORK)
    assert dict(read_facts(services)) == {key: {"of": key} for key in PUSHED}
