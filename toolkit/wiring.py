"""The composition root: (project, environment) -> Services.  The only constructor of adapters.

Everything is made when it is first asked for, so a verb pays only for what it uses.
"""

import os
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from toolkit.core import registry
from toolkit.core.agent import Agent, Project
from toolkit.core.environment import AwsCloud, Environment, GcpCloud, Scope
from toolkit.core.errors import NotFound
from toolkit.core.placement import place_of, placed, plain, runtime_name
from toolkit.core.ports import (
    Applier,
    Context,
    Inventory,
    Ledger,
    Reconciler,
    Registry,
    Runtime,
    Store,
    Tool,
)
from toolkit.core.side_by_side import SideBySide
from toolkit.core.webhook import Provider

# by the kind of cloud; what an environment without one uses is on this machine
_LEDGERS: Mapping[type, str] = {AwsCloud: "dynamodb", GcpCloud: "firestore"}
_STORES: Mapping[type, str] = {AwsCloud: "aws_secrets", GcpCloud: "gcp_secrets"}
# al's own login, where application default credentials are not what is wanted
GCP_KEY = "gcp_service_account/default/key_json"


def home() -> Path:
    """AL_HOME, or `~/.action-llama`; for somebody without a home, as in some containers, that of a user at `/`."""
    if given := os.environ.get("AL_HOME"):
        return Path(given)
    try:
        return Path.home() / ".action-llama"
    except RuntimeError:  # HOME is not set, and the user's number has no name
        return Path("/.action-llama")


@dataclass(frozen=True)
class Services:
    """What ops, the gateway and the scheduler work with.  `project` is None where only an environment is known.

    `elsewhere` gives another environment by its name, for agents whose runs are there; None where no other is in reach.
    """

    context: Context
    project: Project | None = None
    elsewhere: Callable[[str], Environment] | None = None
    _places: dict[str, "Services"] = field(default_factory=dict, repr=False, compare=False)

    @property
    def environment(self) -> Environment:
        return self.context.environment

    @cached_property
    def _runtimes(self) -> dict[str, Runtime]:
        return {}

    # ----------------------------------------------------------- environments side by side

    def reaches(self, environment: str | None) -> bool:
        """Whether runs can be there; None is this environment itself."""
        own = environment in (None, self.environment.name)
        return own or self.elsewhere is not None

    def at(self, environment: str | None) -> "Services":
        """The same of another environment, where an agent's runs are; itself where that is its own, or None.

        Raises ConfigError for one that there is not, and NotFound where no other can be reached."""
        if environment is None or environment == self.environment.name:
            return self
        if self.elsewhere is None:
            raise NotFound(
                f"{environment} cannot be reached from here",
                hint=f"`al start` on a machine that has {environment} runs its agents",
            )
        known = self._places.get(environment)
        if known is None:
            there = replace(self.context, environment=_with_docker(self.elsewhere(environment)))
            made = _logged_in(Services(there, self.project)).made()
            known = self._places.setdefault(environment, made)
        if known.project is not self.project and self.project is not None:
            known = self._places[environment] = known.with_project(self.project)
        return known

    def for_agent(self, agent: Agent) -> "Services":
        """Where the agent's runs are.  Raises as `at`."""
        return self.at(agent.environment)

    def of_runtime(self, runtime: str) -> "Services":
        """Where a run is, by the name that its record has for its runtime.  Raises as `at`."""
        return self.at(place_of(runtime))

    def named(self, runtime: str, environment: str | None) -> str:
        """What records here call a runtime of that environment."""
        own = environment in (None, self.environment.name)
        return runtime if own else placed(runtime, str(environment))

    def runtime(self, name: str) -> Runtime:
        """The runtime plug-in of that name, also one that is elsewhere; one per process."""
        if (place := self.of_runtime(name)) is not self:
            return place.runtime(plain(name))
        name = plain(name)
        if name not in self._runtimes:
            self._runtimes[name] = registry.find("runtime", name)(self.context)
        return self._runtimes[name]

    def runtime_for(self, agent: Agent) -> Runtime:
        return self.runtime(runtime_name(agent, self.environment))

    @cached_property
    def ledger(self) -> Ledger:
        name = _LEDGERS.get(type(self.environment.cloud), "sqlite")
        ledger: Ledger = registry.find("ledger", name)(self.context)
        if self.elsewhere is None:
            return ledger
        return cast("Ledger", SideBySide(ledger, lambda environment: self.at(environment).ledger))

    def made(self) -> "Services":
        """The same, with the adapters made that hold connections, so that copies share them."""
        _ = self._runtimes, self.ledger, self.store, self.run_secrets
        return self

    def with_ledger(self, ledger: Ledger) -> "Services":
        """The same, what is already made included, with another front of the ledger."""
        other = copy(self)
        other.__dict__["ledger"] = ledger
        return other

    def with_project(self, project: Project) -> "Services":
        """The same, what is already made included, for the project's files as they are now."""
        other = copy(self)
        other.__dict__["project"] = project
        return other

    def with_environment(self, environment: Environment) -> "Services":
        """The same, what is already made included, where only settings of this process differ, as its own address."""
        other = copy(self)
        other.__dict__["context"] = replace(self.context, environment=environment)
        return other

    def on_bare_host(self) -> "Services":
        """The same, where agents without a cloud are processes: the user has said so of this one call (D22)."""
        here = replace(self.environment, local_process=True, docker=False)
        return self.with_environment(here)

    @cached_property
    def local_store(self) -> Store:
        """The user's own credentials, on this machine."""
        store: Store = registry.find("store", "local_files")(self.context)
        return store

    @cached_property
    def store(self) -> Store:
        """Where the environment keeps credentials and runs' secrets."""
        name = _STORES.get(type(self.environment.cloud), "local_files")
        store: Store = registry.find("store", name)(self.context)
        return store

    @cached_property
    def run_secrets(self) -> Store:
        """Where runs' ephemeral secrets are: the cloud's store, or a private directory of the project."""
        if self.environment.cloud is not None:
            return self.store
        store: Store = registry.find("store", "local_files")(
            self.context, root=self.context.project / ".al" / "secrets"
        )
        return store

    @cached_property
    def hire_store(self) -> Store:
        """What renewing hired agents' accounts needs between two steps: apart from what runs are given."""
        root = self.context.home / "hire" / self.environment.scope.project
        store: Store = registry.find("store", "local_files")(self.context, root=root)
        return store

    @cached_property
    def registry(self) -> Registry:
        from toolkit.images.oci import registry_for

        return registry_for(self.context)

    def builder(self, name: str) -> Any:
        """The image builder of that name."""
        return registry.find("builder", name)(self.context)

    @cached_property
    def applier(self) -> Applier:
        cloud = self.environment.cloud
        if cloud is not None and cloud.endpoint:
            from toolkit.sandbox.engine import Engine

            return Engine(self.context)
        from infra.stack import Stack

        return Stack(self.context, self.local_store)

    @cached_property
    def pulumi(self) -> Tool | None:
        """The program that the applier of a real account needs on this machine; None where none is needed."""
        cloud = self.environment.cloud
        if cloud is None or cloud.endpoint:
            return None
        from infra.pulumi_cli import PulumiCli

        return PulumiCli(self.context)

    @cached_property
    def reconciler(self) -> Reconciler:
        """Raises ConfigError where there is no cloud."""
        if isinstance(self.environment.cloud, GcpCloud):
            from infra.reconcile.gcp import GcpReconciler

            return GcpReconciler(self.context)
        from infra.reconcile.aws import AwsReconciler

        return AwsReconciler(self.context)

    @cached_property
    def inventory(self) -> Inventory:
        """Raises ConfigError where there is no cloud."""
        if isinstance(self.environment.cloud, GcpCloud):
            from infra.inventory.gcp import GcpInventory

            return GcpInventory(self.context)
        from infra.inventory.aws import AwsInventory

        return AwsInventory(self.context)


def services(
    project: Project | None,
    environment: Environment,
    *,
    directory: Path | None = None,
    elsewhere: Callable[[str], Environment] | None = None,
) -> Services:
    """Services for a loaded project, or for an environment alone."""
    where = project.directory if project else (directory or Path.cwd())
    environment = _with_docker(environment)
    context = Context(environment=environment, home=home(), project=where)
    return _logged_in(Services(context, project, elsewhere))


def _with_docker(environment: Environment) -> Environment:
    """Without a cloud, agents run in Docker where it answers, unless the user has said where they run (D22)."""
    if environment.cloud or environment.docker or environment.local_process:
        return environment
    from toolkit.clouds.docker import address, reachable

    return replace(environment, docker=reachable(address(environment.docker_host)))


def _logged_in(made: Services) -> Services:
    """With this machine's service account key, for whoever first needs Google; it is read only then."""
    cloud = made.environment.cloud
    if isinstance(cloud, GcpCloud) and cloud.endpoint is None:
        from toolkit.clouds.gcp import gcp_clients_for

        gcp_clients_for(cloud, lambda: made.local_store.get(GCP_KEY))
    return made


def webhook_provider(kind: str) -> Provider:
    """The provider of a source's type, which may have hyphens where a file's name has none.  Raises UnknownPlugin."""
    found: Provider = registry.find("webhook", kind.replace("-", "_"))
    return found


def local_credentials() -> Store:
    """The user's credentials on this machine, for verbs that need no project."""
    nowhere = Environment(name="local", scope=Scope(project="none", environment="local"))
    store: Store = registry.find("store", "local_files")(
        Context(environment=nowhere, home=home(), project=Path.cwd())
    )
    return store
