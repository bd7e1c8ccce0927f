"""Shorter words for runs of agents on Cloud Run: an agent that follows a play, and a stage for the runtime contract."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from moto_tests.gcp.run_world import CloudRun as World
from runtimes.cloud_run import CloudRun
from tests.fakes import Play
from toolkit.clouds.gcp_runs import run_account
from toolkit.core.agent import Agent, AgentName
from toolkit.core.gcp_names import GcpNames
from toolkit.core.names import GATEWAY
from toolkit.core.ports import Context
from toolkit.core.run import RunId, RunSpec
from toolkit.core.secrets import SecretLease, SecretRef

DEV = AgentName("dev")
PROGRAM = """
import sys, time
for line in {lines!r}:
    print(line, flush=True)
while {forever!r}:
    time.sleep(0.05)
sys.exit({code!r})
"""

# what a container does, as far as its launcher sees it
REPORTING = """
import json, os
box = {"claimed": "2026-11-20T12:00:00Z", "report": {"exit_code": 0, "state": "succeeded", "finished": "2026-11-20T12:00:01Z"}}
line = {"_log": True, "level": "debug", "msg": "mailbox", "box": box, "note": 1, "run": os.environ["AL_RUN_ID"]}
print(json.dumps(line), flush=True)
"""


def an_agent(name: str = "dev", **more: Any) -> Agent:
    return Agent(name=AgentName(name), directory=Path(), instructions="", **more)


def a_spec(definition: str, run: RunId | None = None, *, age: float = 3600.0) -> RunSpec:
    """A run whose secret was made `age` seconds ago."""
    id_ = run or RunId.new(DEV)
    created = datetime.now(UTC) - timedelta(seconds=age)
    lease = SecretLease(
        ref=SecretRef(
            store="gcp_secrets", name=f"action-llama/shop/staging/runs/{id_.agent}/{id_}-0_"
        ),
        agent=id_.agent,
        run=id_,
        created=created,
        expires=created + timedelta(hours=2),
    )
    return RunSpec(run=id_, agent=id_.agent, definition=definition, timeout=60, lease=lease)


def program(play: Play) -> str:
    code = 0 if play.exit_code is None else play.exit_code
    return PROGRAM.format(lines=play.lines, forever=play.exit_code is None, code=code)


def note(run: str, number: int = 1, **box: Any) -> str:
    """A line in which a container tells its launcher something."""
    line = {
        "_log": True,
        "level": "debug",
        "msg": "mailbox",
        "box": box,
        "note": number,
        "run": run,
    }
    return json.dumps(line)


@dataclass
class Stage:
    """Cloud Run with agents that follow plays."""

    context: Context
    world: World
    account: Callable[[str], Any]
    late: float = 0.0
    made: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.runtime = self.again()
        self.permit(GATEWAY)  # every job lets it run it

    def again(self) -> CloudRun:
        return CloudRun(self.context, late=self.late)

    def spec(self, play: Play) -> RunSpec:
        return a_spec(self.defined(play))

    def defined(self, play: Play, **more: Any) -> str:
        return self.program(program(play), **more)

    def program(self, text: str, **more: Any) -> str:
        """The definition of an agent that runs this program."""
        agent = an_agent(**more)
        self.permit(agent.name)
        return self.runtime.define(self.runtime.definition(agent, self.world.image(text)))

    def permit(self, agent: str) -> None:
        """The account that its runs have, or the gateway."""
        email = run_account(GcpNames(self.context.environment.scope), self.runtime.cloud, agent)
        if email not in self.made:
            self.made.add(email)
            self.account(email.partition("@")[0])

    def mounting(self) -> "Stage":
        """The same place, with `secrets = "mount"`."""
        cloud = replace(self.runtime.cloud, mount_secrets=True)
        environment = replace(self.context.environment, cloud=cloud)
        return Stage(
            replace(self.context, environment=environment), self.world, self.account, made=self.made
        )
