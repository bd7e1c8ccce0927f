"""An environment that is to be torn down: as a push leaves it, and ways to tear it down or to die of it."""

import itertools
from pathlib import Path
from typing import Any

from moto_tests import deployed
from moto_tests.given import agent
from moto_tests.holding import Client, make, name_of
from moto_tests.picture import picture
from toolkit.core.agent import Agent, CredentialRef, Project
from toolkit.core.plan import Item
from toolkit.core.ports import Context, Inventory
from toolkit.core.run import Run, RunId, RunState, TriggerKind
from toolkit.core.secrets import Secret
from toolkit.ops import infrastructure, teardown
from toolkit.ops.teardown import steps as teardown_steps
from toolkit.ops.teardown.steps import Receipt
from toolkit.wiring import Services

TOKEN = "github_token/default/token"
BOTH = {"dev": deployed.ON_LAMBDA, "long": deployed.ON_FARGATE}


def push(context: Context, client: Client) -> None:
    """What a push of `dev` (on Lambda) and `long` (on Fargate), which share a credential, leaves behind."""
    services, names = services_of(context), context.names
    services.ledger.prepare()
    wanted = deployed.items(context, BOTH)
    infrastructure.apply(services, wanted, {}, progress=lambda _: None, check=lambda: None)
    for one, kind in (("dev", "function"), ("long", "task_definition")):
        make(client, kind, name_of(kind, names, one), names.tags(agent=one))
        services.ledger.set_fact(f"definition/{one}", definition(one))
    services.store.put(f"{names.secrets}{TOKEN}", Secret("ghp_x"), tags=names.tags())
    services.store.put(f"{names.secrets}fingerprint-key", Secret("00"), tags=names.tags())
    services.ledger.set_fact("project", "shop")
    services.ledger.set_fact(f"credential/{TOKEN}", "print")


def definition(name: str) -> dict[str, Any]:
    return {
        "agent": name, "runtime": BOTH[name], "ref": "x:1", "image": "x", "hash": "x", "timeout": 300,
        "credentials": [TOKEN], "previous": [], "leftover": None,
    }  # fmt: skip


def services_of(context: Context, project: Project | None = None) -> Services:
    return Services(context, project)


def torn_down(context: Context, name: str | None = None, project: Project | None = None) -> Receipt:
    decided = teardown.decide(services_of(context, project), name)
    return teardown_steps.carry_out(decided, lambda _: None, sleep=lambda _: None)


def left_in(client: Client) -> set[tuple[str, str]]:
    """Everything in the account but what a maker needed for its function."""
    return {key for key in picture(client) if "lender" not in key[1]}


def project_of(*agents: Agent) -> Project:
    return Project(name="shop", directory=Path(), agents=agents)


def needing(name: str) -> Agent:
    return agent(name, script=True, credentials=(CredentialRef(type="github_token"),))


class Died(BaseException):
    """The process is gone: nothing catches it."""


class Mortal:
    """An inventory whose process dies after one removal."""

    def __init__(self, real: Inventory) -> None:
        self._real, self._removals = real, itertools.count()
        self.found = real.found

    def remove(self, item: Item) -> None:
        if next(self._removals) > 0:
            raise Died
        self._real.remove(item)


def dies(context: Context, name: str | None = None) -> bool:
    """Whether a teardown that can remove one thing dies of it, rather than end."""
    services = services_of(context)
    services.__dict__["inventory"] = Mortal(services.inventory)
    decided = teardown.decide(services, name)
    try:
        teardown_steps.carry_out(decided, lambda _: None, sleep=lambda _: None)
    except Died:
        return True
    return False


def run_of(name: str) -> Run:
    """A run on Lambda that is not over."""
    run = RunId(name)
    return Run(
        id=run, agent=run.agent, runtime="aws_lambda", trigger=TriggerKind.MANUAL,
        created="2026-11-20T12:00:00.000Z", state=RunState.RUNNING,
    )  # fmt: skip
