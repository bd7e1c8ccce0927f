"""The composition root: (project, environment) -> Services.  The only constructor of adapters.

Everything is made when it is first asked for, so a verb pays only for what it uses.
"""

import os
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from toolkit.core import registry
from toolkit.core.agent import Agent, Project
from toolkit.core.environment import AwsCloud, Environment, GcpCloud, Scope
from toolkit.core.placement import runtime_name
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
    """What ops, the gateway and the scheduler work with.  `project` is None where only an environment is known."""

    context: Context
    project: Project | None = None

    @property
    def environment(self) -> Environment:
        return self.context.environment

    @cached_property
    def _runtimes(self) -> dict[str, Runtime]:
        return {}

    def runtime(self, name: str) -> Runtime:
        """The runtime plug-in of that name; one per process."""
        if name not in self._runtimes:
            self._runtimes[name] = registry.find("runtime", name)(self.context)
        return self._runtimes[name]

    def runtime_for(self, agent: Agent) -> Runtime:
        return self.runtime(runtime_name(agent, self.environment))

    @cached_property
    def ledger(self) -> Ledger:
        name = _LEDGERS.get(type(self.environment.cloud), "sqlite")
        ledger: Ledger = registry.find("ledger", name)(self.context)
        return ledger

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
    project: Project | None, environment: Environment, *, directory: Path | None = None
) -> Services:
    """Services for a loaded project, or for an environment alone."""
    where = project.directory if project else (directory or Path.cwd())
    environment = _with_docker(environment)
    made = Services(Context(environment=environment, home=home(), project=where), project)
    if isinstance(environment.cloud, GcpCloud) and environment.cloud.endpoint is None:
        _log_in(environment.cloud, made)
    return made


def _with_docker(environment: Environment) -> Environment:
    """Without a cloud, agents run in Docker where it answers, unless the user has said where they run (D22)."""
    if environment.cloud or environment.docker or environment.local_process:
        return environment
    from toolkit.clouds.docker import address, reachable

    return replace(environment, docker=reachable(address(environment.docker_host)))


def _log_in(cloud: GcpCloud, made: Services) -> None:
    """This machine's service account key, for whoever first needs Google; it is read only then."""
    from toolkit.clouds.gcp import gcp_clients_for

    gcp_clients_for(cloud, lambda: made.local_store.get(GCP_KEY))


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
