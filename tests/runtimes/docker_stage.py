"""Runs on a Docker daemon that follow a play, or a line of shell."""

import json
import shlex
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from runtimes._docker_container import Room
from runtimes.docker import PLUGIN, DockerRuntime
from tests.dockerd import BASE, client_at
from tests.fakes import Play
from toolkit.clouds.docker import labels
from toolkit.clouds.docker_errors import translated
from toolkit.core.agent import AgentName
from toolkit.core.environment import Environment, Scope
from toolkit.core.errors import NotFound
from toolkit.core.ports import Context
from toolkit.core.run import RunHandle, RunId, RunSpec
from toolkit.core.secrets import SecretLease, SecretRef
from toolkit.core.units import MIB

T = TypeVar("T")
DEV = AgentName("dev")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
PAYLOAD = {
    "credentials": {"github_token/default/token": "hunter2-hunter2"},
    "prompt": "tell nobody",
    "trigger": {"kind": "manual", "source": None, "context": {}},
    "token": "dev-00000000.very-long-token",
    "gateway": "http://127.0.0.1:8080",
}


@dataclass
class DockerStage:
    """`room` is what its containers have; each script is an image of its own."""

    context: Context
    address: str
    room: Room = field(default_factory=lambda: Room(image="", memory=64 * MIB, pids=64))
    made: list[str] = field(default_factory=list)

    @classmethod
    def at(cls, address: str, project: Path, name: str = "p") -> "DockerStage":
        scope = Scope(project=name, environment="local")
        environment = Environment(name="local", scope=scope, docker=True, docker_host=address)
        context = Context(environment=environment, home=project / "home", project=project)
        return cls(context=context, address=address)

    def __post_init__(self) -> None:
        self.runtime = self.again()

    def again(self) -> DockerRuntime:
        return PLUGIN(self.context, grace=1)

    def spec(self, play: Play) -> RunSpec:
        prints = [f"printf '%s\\n' {shlex.quote(line)}" for line in play.lines]
        last = "while :; do sleep 0.1; done" if play.exit_code is None else f"exit {play.exit_code}"
        return self.script("; ".join([*prints, last]))

    def script(self, line: str, **room: int) -> RunSpec:
        """A run of `sh -c line`."""
        return self.image(f"ENTRYPOINT {json.dumps(['/bin/sh', '-c', line])}", **room)

    def image(self, change: str, **room: int) -> RunSpec:
        """A run of the base with this change, as an image of its own."""
        run = RunId.new(DEV)
        return self.of(run, self._committed(f"al-test/{run}", change), **room)

    def labelled(self, agent: str) -> str:
        """An image that the builder would have made for this agent; its reference."""
        tags = labels(self.context, agent=agent)
        words = " ".join(f'"{name}"="{value}"' for name, value in tags.items())
        return self._committed(f"al-p-local-{agent}", f"LABEL {words}")

    def _committed(self, repository: str, change: str) -> str:
        def commit(client: Any) -> None:
            holder = client.create_container(BASE, ["true"])["Id"]
            client.commit(holder, repository=repository, tag="1", changes=[change])
            client.remove_container(holder)

        self.asked(commit)
        self.made.append(f"{repository}:1")
        return self.made[-1]

    def has(self, image: str) -> bool:
        found = self.asked(lambda client: client.images(name=image.partition(":")[0]))
        return bool(found)

    def asked(self, call: Callable[[Any], T]) -> T:
        """What a client of the daemon answers, past the runtime."""
        with closing(client_at(self.address)) as client:
            return call(client)

    def made_only(self, client: Any, spec: RunSpec) -> RunHandle:
        """A container as a launcher leaves it that dies before the start."""
        name = self.context.names.scoped(spec.run)
        tags = labels(self.context, agent=spec.agent, run=spec.run)
        image = Room.parse(spec.definition).image
        body = {"Image": image, "Labels": tags}
        client.create_container_from_config(body, name)
        return RunHandle(runtime="docker", run=spec.run, agent=spec.agent, ids={"container": name})

    def of(self, run: RunId, image: str, **room: int) -> RunSpec:
        """A run of this image, whose secret is written."""
        has = {"memory": self.room.memory, "pids": self.room.pids, **room}
        name = f"action-llama/p/local/runs/dev/{run}-0_"
        file = self.context.project / ".al" / "secrets" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(PAYLOAD) + "\n")
        lease = SecretLease(
            ref=SecretRef(store="local_files", name=name),
            agent=DEV,
            run=run,
            created=NOON,
            expires=NOON + timedelta(hours=1),
        )
        definition = str(Room(image=image, **has))
        return RunSpec(run=run, agent=DEV, definition=definition, timeout=60, lease=lease)

    def tidy(self) -> None:
        for handle in self.runtime.running():
            self.runtime.stop(handle)
        self.asked(self._removed)

    def _removed(self, client: Any) -> None:
        for found in client.containers(all=True):
            client.remove_container(found["Id"], force=True)
        for image in self.made:
            with suppress(NotFound), translated("tidying up"):
                client.remove_image(image, force=True)
