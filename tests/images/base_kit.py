"""A project upon our own base, all of it built, and runs of its agents by the Docker runtime."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.fakes import eventually
from tests.fixtures.llm_server import LlmServer
from tests.images.base_yard import Yard
from tests.images.python_slim import NAME
from tests.runtimes.docker_stage import PAYLOAD
from toolkit.core.agent import Agent, AgentName, Project
from toolkit.core.run import RunId, RunState
from toolkit.core.units import MIB
from toolkit.images import local_base
from toolkit.images.order import Order, order
from toolkit.ops.builds import Base

# who builds is uid 1000, as who runs: root is asked for
SHARED_FILE = "FROM al-agent\nUSER root\nRUN echo for all >/opt/all\n"
OWN_FILE = """\
FROM al-agent
USER root
RUN apt-get update && apt-get install --yes --no-install-recommends tree
COPY shared/data.txt /opt/
"""
SCRIPT = """\
#!/bin/sh
git --version | cut -c1-11
cat /opt/all data.txt shared/words.txt /opt/data.txt
tree --version | cut -c1-4
command -v al-return
echo "$(id -u) $(whoami)"
"""
SKILL = "Say which git there is.\n"
SECONDS = 90.0


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A run that is over.  `started` is when its process did, in epoch seconds."""

    state: RunState
    lines: Sequence[Mapping[str, Any]]
    started: float

    @property
    def text(self) -> str:
        return "\n".join(map(json.dumps, self.lines))

    @property
    def output(self) -> list[str]:
        return [line["text"] for line in self.lines if line["msg"] == "output"]

    @property
    def first_output(self) -> float:
        """Seconds after the start."""
        first = next(line for line in self.lines if line["msg"] == "output")
        return float(first["ts"]) / 1000 - self.started


class Arrivals(list[Any]):
    """Requests, and when each one came."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def append(self, request: Any) -> None:
        self.times.append(time.time())
        super().append(request)


@dataclass(frozen=True, kw_only=True)
class Kit:
    """`waves` is what was ordered, once: the toolkit may be edited meanwhile."""

    yard: Yard
    project: Project
    waves: Sequence[Sequence[Order]]
    upon: Base

    @classmethod
    def of(cls, yard: Yard, root: Path) -> "Kit":
        project = _project(root)
        builds = yard.builds(project)
        upon = builds.reference(builds.base("amd64"))
        waves = builds.waves(project.agents, {"amd64": upon})
        return cls(yard=yard, project=project, waves=waves, upon=upon)

    def made(self) -> Mapping[str, str]:
        """Tag -> digest of all that was ordered; what is not there is built."""
        return self.yard.builds(self.project).make(self.waves, self.yard.said.append)

    @property
    def base(self) -> Order:
        return self.waves[0][0]

    @property
    def gateway(self) -> Order:
        return self.waves[0][1]

    def on_this_machine(self) -> Order:
        """What agents stand upon in a Docker of one's own, upon the same Python."""
        _, _, rest = local_base.dockerfile().partition("\n")
        one = order("this machine's base", self.base.repository, f"FROM {NAME}\n{rest}", {})
        self.yard.make([one], self.yard.said.append)
        return one

    def ran(self, name: str, **handed: Any) -> Ran:
        """A run of the agent to its end; `handed` goes with its secret.

        It has this machine's network: a bridge of the tests' daemon leads nowhere."""
        image = self.yard.pulled(self.project, self.project.agent(name), self.upon)
        stage, run = self.yard.stage, RunId.new(AgentName(name))
        spec = stage.of(run, image, memory=512 * MIB, pids=256)
        secret = stage.context.project / ".al" / "secrets" / spec.lease.ref.name
        secret.write_text(json.dumps({**PAYLOAD, "gateway": None, **handed}))
        stage.runtime._daemon.__dict__["network"] = lambda _: "host"
        handle = stage.runtime.launch(replace(spec, agent=run.agent))
        eventually(lambda: stage.runtime.states([handle])[run].state.final, seconds=SECONDS)
        found = stage.asked(lambda client: client.inspect_container(handle.ids["container"]))
        return Ran(
            state=stage.runtime.states([handle])[run].state,
            lines=[json.loads(event.message) for event in stage.runtime.logs(handle)],
            started=datetime.fromisoformat(found["State"]["StartedAt"]).timestamp(),
        )

    def asked(self, name: str, server: LlmServer) -> tuple[Ran, float]:
        """A run whose model is `server`; and the seconds from its start to its first request."""
        server.requests = arrivals = Arrivals()
        model = {"name": "m", "provider": "openai", "model": "test-model"}
        named = {**model, "baseUrl": server.url, "key": "sk-a-key-of-the-test"}
        ran = self.ran(name, models=[named])
        return ran, arrivals.times[0] - ran.started if arrivals.times else float("nan")


def _project(root: Path) -> Project:
    script, model = root / "agents/dev", root / "agents/thinker"
    for place in (root / "shared", script, model):
        place.mkdir(parents=True)
    (root / "Dockerfile").write_text(SHARED_FILE)
    (root / "shared/words.txt").write_text("from shared\n")
    (root / "shared/data.txt").write_text("copied\n")
    (script / "Dockerfile").write_text(OWN_FILE)
    (script / "data.txt").write_text("for dev\n")
    (script / "test-script.sh").write_text(SCRIPT)
    agents = (
        Agent(name=AgentName("dev"), directory=script, instructions="", script=True),
        Agent(name=AgentName("thinker"), directory=model, instructions=SKILL),
    )
    return Project(name="shop", directory=root, agents=agents)
