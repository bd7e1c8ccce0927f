"""Where our base is really built: a daemon of the tests' own that has the stand-in of Python's image, and Debian's registry.

All goes through what a push does: orders, the Docker builder, the registry's API.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from tests.dockerd import client_at
from tests.images.python_slim import NAME, PATH, packed
from tests.images.served import HOST
from tests.runtimes.docker_stage import DockerStage
from toolkit.core.agent import Agent, Project
from toolkit.core.environment import AwsCloud
from toolkit.core.ports import Context
from toolkit.images.builders.append import Append
from toolkit.images.builders.docker import PLUGIN as DOCKER
from toolkit.images.oci import OciRegistry
from toolkit.images.order import Note, Order
from toolkit.ops.builds import Base, Builds
from toolkit.wiring import Services

PATIENCE = 600  # seconds without a byte: an image is unpacked, or compressed


def standing_in(address: str, kept: Path, scratch: Path) -> None:
    """The daemon gets the stand-in under the name that our Dockerfile gives it; it is packed where `kept` is not there."""
    if not kept.exists():
        packed(kept, scratch)
    repository, _, tag = NAME.partition(":")
    with closing(client_at(address)) as client:
        client.timeout = PATIENCE
        changes = [f"ENV PATH={PATH}", 'CMD ["python3"]']
        client.import_image(src=str(kept), repository=repository, tag=tag, changes=changes)


@dataclass
class Yard:
    """images.order.Builder: the Docker builder, whose builds have this machine's network, since the tests' daemon has none.

    What it pushed is known to the daemon by the account's name of it, as if it had been pulled from there.
    """

    stage: DockerStage
    registry: OciRegistry
    said: list[str] = field(default_factory=list)

    @property
    def place(self) -> str:
        """The registry's address, as the daemon knows it: what listens on this machine needs no TLS."""
        return str(self.registry.home._client.base_url).removeprefix("http://").rstrip("/")

    @property
    def context(self) -> Context:
        """An environment in an account, whose registry is the one here and whose builder is this."""
        cloud = AwsCloud(region="eu-west-1", account="123456789012", registry=self.place)
        environment = replace(
            self.stage.context.environment, cloud=cloud, images={"builder": "docker"}
        )
        return replace(self.stage.context, environment=environment)

    def builds(self, project: Project) -> Builds:
        services = Services(self.context, project)
        services.__dict__.update(registry=self.registry)
        object.__setattr__(services, "builder", lambda _: self)
        return Builds(services, project)

    def make(self, orders: Sequence[Order], note: Note) -> None:
        with closing(client_at(self.stage.address)) as client:
            client.timeout = PATIENCE
            client.build = partial(client.build, network_mode="host")
            builder = DOCKER(self.context)
            builder.__dict__["_client"] = client
            builder.make(orders, note)
            for one in orders:
                client.tag(self.here(one), f"{HOST}/{one.repository}", tag=one.tag)

    def here(self, one: Order) -> str:
        return f"{self.place}/{one.repository}:{one.tag}"

    def pulled(self, project: Project, agent: Agent, base: Base) -> str:
        """An agent's image, its files appended over the registry's API; as the daemon knows it."""
        builds = self.builds(project)
        orders = builds.of(agent, base)
        upon = builds.reference(orders[-1]) if orders else base
        plan = Append(self.context).plan(project, agent, types={}, base=upon)
        Append(self.context).build(plan, self.registry)
        here = f"{self.place}/{plan.repository}"
        self.stage.asked(lambda client: client.pull(here, tag=plan.tag))
        return f"{here}:{plan.tag}"

    def layers(self, one: Order) -> list[int]:
        """Bytes of each layer as it travels, the lowest first."""
        body: Any = self.registry.manifest(one.repository, one.tag).body
        return [layer["size"] for layer in body["layers"]]

    def does(self, one: Order, *command: str) -> tuple[int, str]:
        """Exit code and output of a program in the image, as its user, without a network."""
        return self.stage.asked(lambda client: _done(client, self.here(one), command))


def _done(client: Any, image: str, command: Sequence[str]) -> tuple[int, str]:
    alone = client.create_host_config(network_mode="none")
    made = client.create_container(
        image, command[1:], entrypoint=[command[0]], host_config=alone
    )["Id"]  # fmt: skip
    client.start(made)
    code = client.wait(made)["StatusCode"]
    said = client.logs(made).decode()
    client.remove_container(made, v=True)
    return code, said
