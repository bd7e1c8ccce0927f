"""Where agents run: this machine, or an account in a cloud, under one project and environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsCloud:
    """Where on AWS.  None for ids means: what `al push` provisions, or finds in the default VPC."""

    region: str
    account: str
    endpoint: str | None = None  # the sandbox's; None is AWS itself
    registry: str | None = None  # ditto, for the OCI registry
    profile: str | None = None
    cluster: str | None = None
    execution_role: str | None = None
    task_role: str | None = None
    lambda_role: str | None = None
    agent_roles: tuple[
        tuple[str, str, str], ...
    ] = ()  # (agent, purpose, role) that the user brings
    permission_boundary: str | None = (
        None  # the ARN of a managed policy, for every role that we make
    )
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    lambda_subnets: tuple[str, ...] = ()
    lambda_security_groups: tuple[str, ...] = ()
    assign_public_ip: bool = True
    use_lambda: bool = True

    def brought_role(self, agent: str, purpose: str) -> str | None:
        """The user's own role for this agent and purpose (task, execution or lambda), by name or ARN; None: we make one."""
        for name, what, role in self.agent_roles:
            if (name, what) == (agent, purpose):
                return role
        return {
            "task": self.task_role,
            "execution": self.execution_role,
            "lambda": self.lambda_role,
        }[purpose]


@dataclass(frozen=True, slots=True, kw_only=True)
class GcpCloud:
    """Where on Google Cloud.  None means: what `al push` provisions, or finds."""

    project: str  # its id; `number` is its number, which IAM conditions want
    region: str
    repository: str  # of Artifact Registry, for images
    number: str | None = None
    service_account: str | None = None  # the e-mail of the user's own account for every agent
    endpoint: str | None = (
        None  # the embedded cloud's gRPC, host:port on loopback; None is Google itself
    )
    http_endpoint: str | None = None  # ditto, for what is asked over HTTP
    registry: str | None = None  # ditto, for the OCI registry
    mount_secrets: bool = (
        False  # secrets = "mount": the platform mounts the run's secret, a job for each run
    )
    min_instances: int = 0  # of the gateway's service


Cloud = AwsCloud | GcpCloud


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose things these are: every cloud object carries project and environment in its name and tags."""

    project: str
    environment: str
    prefix: str = "action-llama"  # of secrets
    legacy_names: bool = False  # nameScope = "legacy": the predecessor's unscoped names


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A place to deploy to or run in: this machine when `cloud` is None."""

    name: str
    scope: Scope
    cloud: Cloud | None = None
    keep_images: int = 3
    log_retention_days: int = 30
    images: Mapping[str, str] = field(default_factory=dict)  # [images]: base, gateway, builder
    pulumi: Mapping[str, str] = field(
        default_factory=dict
    )  # [pulumi]: backend, secretsProvider, root
    gateway_url: str | None = None
    trusted_proxies: tuple[str, ...] = ()  # whose X-Forwarded-For the gateway believes
    local_process: bool = (
        False  # [local] runtime = "process": a model may run on the bare host (D22)
    )
    docker: bool = False  # without a cloud: whether agents run in Docker, here or at `docker_host`
    docker_host: str | None = None  # [local] dockerHost; None: DOCKER_HOST's, or this machine's own

    @property
    def here(self) -> bool:
        """Whether its runs are on this machine, in the sandbox too."""
        return self.cloud is None or self.embedded

    @property
    def embedded(self) -> bool:
        """Whether its cloud is the sandbox's, on this machine."""
        return self.cloud is not None and self.cloud.endpoint is not None
