"""Environments: which one is meant, which there are, and the core's Environment of the settings."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from toolkit.core.environment import AwsCloud, Environment, GcpCloud, Scope
from toolkit.core.errors import ConfigError
from toolkit.core.gcp_names import GcpNames

from .cloud_schema import COMMON
from .clouds import PLACEHOLDER, CloudReader
from .environment_name import check_environment_name
from .files import read_toml
from .origin import Merged
from .problems import Findings, nearest
from .project_files import ENVIRONMENT_TEXT, LOCAL_CONFIG, Places
from .schema import Config

LOCAL, SANDBOX, SANDBOX_GCP = "local", "sandbox", "sandbox-gcp"
OWN_BASE = "al-agent"  # of images
BUILT_IN = (LOCAL, SANDBOX, SANDBOX_GCP)
SANDBOXES = frozenset({SANDBOX, SANDBOX_GCP})
# what a sandbox takes over of [cloud]: what shapes a deployment, whichever account it is in
_SHAPES = COMMON - {"region"}
SHAPES = {
    SANDBOX: _SHAPES | {"assignPublicIp", "lambda"},
    SANDBOX_GCP: _SHAPES | {"secrets", "minInstances"},
}
SANDBOX_REGION, SANDBOX_ACCOUNT = "us-east-1", "123456789012"
GOOGLE_REGION, GOOGLE_PROJECT, GOOGLE_NUMBER = "europe-west1", "al-sandbox", "123456789012"
# Nothing answers on the discard port: until a sandbox runs, its environment reaches neither AWS nor anybody else.
NOT_RUNNING = "127.0.0.1:9"


def choose_environment(
    flag: str | None, variables: Mapping[str, str], directory: Path
) -> tuple[str, str]:
    """(name, who said so): the flag, AL_ENV, `environment` in .env.toml, else `local`.  Raises ConfigError."""
    findings = Findings()
    bound = read_toml(directory / LOCAL_CONFIG, name=LOCAL_CONFIG, findings=findings)
    candidates = (
        (flag, "--env"),
        (variables.get("AL_ENV"), "AL_ENV"),
        (bound.get("environment"), LOCAL_CONFIG),
    )
    for name, origin in candidates:
        if name:
            return check_environment_name(str(name)), origin
    findings.raise_errors()
    return LOCAL, "default"


def require_known(name: str, places: Places) -> None:
    """Raises ConfigError, with the known environments and how to make one, when `name` is none of them."""
    known = places.known_environments()
    if name in BUILT_IN or name in known or places.variables.get(ENVIRONMENT_TEXT):
        return
    choices = [*BUILT_IN, *known]
    meant = nearest(name, choices, otherwise="known: {known}")
    make = f"make it with `al env init {name} -t ecs`"
    raise ConfigError(
        f"no environment named {name!r} (known: {', '.join(choices)})",
        hint=f"{meant} or {make}" if meant.startswith("did") else make,
    )


def unused_in(name: str, key: str) -> bool:
    """Whether the environment of this name has no use for a setting, since it is in no account."""
    section, _, rest = key.partition(".")
    return name in SANDBOXES and section == "cloud" and rest not in SHAPES[name]


def sandbox_state(home: Path) -> Mapping[str, Any]:
    """What the running sandbox wrote about itself; empty when none has.  Raises ConfigError when it is damaged."""
    path = home / "sandbox" / "state.json"
    if not path.exists():
        return {}
    try:
        state = dict(json.loads(path.read_text(encoding="utf-8")))
        addresses = {**state["aws"], **(state.get("gcp") or {}), "registry": state["registry"]}
        if not all(isinstance(address, str) for address in addresses.values()):
            raise TypeError("an address is no text")
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(
            f"{path} is damaged", hint="run `al sandbox stop`, then `al sandbox start`"
        ) from error
    return state


def sandbox_cloud(state: Mapping[str, Any]) -> AwsCloud:
    """The embedded cloud, as its state file describes it: `aws` {endpoint, region, account}, `registry`.

    An empty state gives addresses where nothing answers, never AWS's own.
    """
    aws = state.get("aws") or {}
    return AwsCloud(
        region=aws.get("region") or SANDBOX_REGION,
        account=aws.get("account") or SANDBOX_ACCOUNT,
        endpoint=aws.get("endpoint") or f"http://{NOT_RUNNING}",
        registry=state.get("registry") or NOT_RUNNING,
    )


def sandbox_google(state: Mapping[str, Any], scope: Scope) -> GcpCloud:
    """The embedded Google cloud, as the same state file describes it: `gcp` {grpc, http, project, number, region}; what
    is in it for `scope`.

    An empty state gives addresses where nothing answers, never Google's own.
    """
    google = state.get("gcp") or {}
    return GcpCloud(
        project=google.get("project") or GOOGLE_PROJECT,
        number=google.get("number") or GOOGLE_NUMBER,
        region=google.get("region") or GOOGLE_REGION,
        repository=GcpNames(scope).repository,
        endpoint=google.get("grpc") or NOT_RUNNING,
        http_endpoint=f"http://{google.get('http') or NOT_RUNNING}",
        registry=state.get("registry") or NOT_RUNNING,
    )


def in_sandbox(environment: Environment, state: Mapping[str, Any]) -> Environment:
    """`environment` with the addresses of a sandbox that has just been started."""
    if isinstance(environment.cloud, GcpCloud):
        google = sandbox_google(state, environment.scope)
        return replace(environment, cloud=_shaped(google, environment.cloud))
    cloud = sandbox_cloud(state)
    if isinstance(environment.cloud, AwsCloud):
        cloud = replace(
            environment.cloud,
            region=cloud.region,
            account=cloud.account,
            endpoint=cloud.endpoint,
            registry=cloud.registry,
        )
    return replace(environment, cloud=cloud)


def _shaped(cloud: GcpCloud, given: GcpCloud) -> GcpCloud:
    """`cloud` with what shapes a deployment, and nothing that names a real project's things."""
    return replace(cloud, mount_secrets=given.mount_secrets, min_instances=given.min_instances)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentReader:
    """Makes the Environment of validated settings."""

    config: Config
    merged: Merged
    findings: Findings

    def read(self, name: str, project: str, sandbox: Mapping[str, Any]) -> Environment:
        """The environment; with findings when its cloud is incomplete."""
        if name == LOCAL:
            return self._environment(name, project)
        if name in SANDBOXES:
            self._warn_of_unused(name)
        if name == SANDBOX:
            environment = self._kept(self._environment(name, project))
            return replace(environment, cloud=self._rehearsed(sandbox), gateway_url=None)
        if name == SANDBOX_GCP:
            environment = self._environment(name, project)
            google = self._rehearsed_google(sandbox_google(sandbox, environment.scope))
            return replace(environment, cloud=google, gateway_url=None)
        if self.config.server:
            origin = self.merged.origin_of("server.host")
            words = "deploying to a machine over SSH is not in this release"
            self.findings.error(origin, "server", words, "use [cloud] with provider = 'ecs'")
        self._refuse_placeholders()
        environment = self._environment(name, project)
        if self.config.cloud is None:
            return environment
        cloud = self._clouds.read(self.config.cloud, environment.scope)
        if self.config.cloud.provider == "ecs":
            environment = self._kept(environment)
        return replace(environment, cloud=cloud)

    def _warn_of_unused(self, name: str) -> None:
        unused = [s for s in self.merged.explain() if unused_in(name, s.key)]
        for file in dict.fromkeys(setting.origin for setting in unused):
            keys = ", ".join(s.key.removeprefix("cloud.") for s in unused if s.origin == file)
            words = f"not used, as a sandbox takes no settings that are an account's: {keys}"
            self.findings.warn(file, "cloud", words, "move them to the environment of that account")

    @property
    def _clouds(self) -> CloudReader:
        return CloudReader(merged=self.merged, findings=self.findings)

    def _kept(self, environment: Environment) -> Environment:
        """With a retention that CloudWatch Logs can keep."""
        days = self._clouds.retention(environment.log_retention_days)
        return replace(environment, log_retention_days=days)

    def _environment(self, name: str, project: str) -> Environment:
        config, cloud = self.config, self.config.cloud
        scope = Scope(project=project, environment=name)
        if cloud:
            legacy = cloud.name_scope == "legacy"
            scope = replace(scope, prefix=cloud.secret_prefix, legacy_names=legacy)
        return Environment(
            name=name,
            scope=scope,
            keep_images=cloud.keep_images if cloud else 3,
            log_retention_days=cloud.log_retention_days if cloud else 30,
            images=self._images(name),
            pulumi=config.pulumi.model_dump(by_alias=True, exclude_none=True),
            gateway_url=config.gateway.url,
            trusted_proxies=config.gateway.trusted_proxies,
            local_process=config.local.runtime == "process",
            docker=config.local.runtime == "docker",
            docker_host=config.local.docker_host,
        )

    def _images(self, name: str) -> dict[str, str]:
        """On this machine `[local] image` is the base, unless it is the word by which every version calls its own."""
        found = self.config.images.model_dump(by_alias=True, exclude_none=True)
        own = self.config.local.image
        if name == LOCAL and own and own.partition(":")[0] != OWN_BASE:
            found.setdefault("base", own)
        return found

    def _refuse_placeholders(self) -> None:
        for setting in self.merged.explain():
            if PLACEHOLDER in str(setting.value):
                words = "is still a placeholder"
                self.findings.error(setting.origin, setting.key, words, "write the real value")

    def _rehearsed_google(self, google: GcpCloud) -> GcpCloud:
        given = self.config.cloud
        if given is None:
            return google
        mounted = given.secrets == "mount"
        return replace(google, mount_secrets=mounted, min_instances=given.min_instances)

    def _rehearsed(self, state: Mapping[str, Any]) -> AwsCloud:
        """The sandbox takes over what shapes a deployment, and nothing that names a real account's things."""
        cloud, given = sandbox_cloud(state), self.config.cloud
        if given is None:
            return cloud
        return replace(
            cloud, assign_public_ip=given.assign_public_ip, use_lambda=given.lambda_ == "auto"
        )
