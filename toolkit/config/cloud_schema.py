"""`[cloud]`, `[server]`, `[images]` and `[pulumi]`: where an environment is.

`[cloud]` is the superset of both predecessors' schemas; toolkit/config/clouds.py checks it as a whole.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .section import Section
from .values import Port, Positive, Text, TextOrNumber, Texts


class AgentRoles(Section):
    """`[cloud.agentRoles.<agent>]`: the user's own roles of one agent, by ARN or by name."""

    task: Text | None = None
    execution: Text | None = None
    lambda_: Text | None = Field(None, alias="lambda")


class Cloud(Section):
    """`[cloud]`.  Which keys belong to which provider is in COMMON, AWS and GOOGLE."""

    other_names: ClassVar[Mapping[str, str]] = {
        "awsRegion": "region",
        "awsSecretPrefix": "secretPrefix",
        "gcpProject": "project",
    }

    provider: Literal["ecs", "cloud-run"]
    region: Text | None = None
    secret_prefix: Text = "action-llama"  # noqa: S105 - the beginning of names, not a password
    name_scope: Literal["project", "legacy"] = "project"
    keep_images: Positive = 3
    log_retention_days: Positive = 30
    scheduler_cpu: TextOrNumber | None = None
    scheduler_memory: TextOrNumber | None = None
    # AWS
    account_id: TextOrNumber | None = None
    profile: Text | None = None
    ecs_cluster: Text | None = None
    ecr_repository: Text | None = None
    execution_role_arn: Text | None = None
    task_role_arn: Text | None = None
    subnets: Texts = ()
    security_groups: Texts = ()
    build_bucket: Text | None = None
    lambda_role_arn: Text | None = None
    lambda_subnets: Texts = ()
    lambda_security_groups: Texts = ()
    app_runner_instance_role_arn: Text | None = None
    app_runner_access_role_arn: Text | None = None
    assign_public_ip: bool = True
    lambda_: Literal["auto", "never"] = Field("auto", alias="lambda")
    execution_role_per_agent: bool = True
    agent_roles: Mapping[str, AgentRoles] = Field(default_factory=dict)
    permission_boundary: Text | None = None
    # Google
    project: Text | None = None
    artifact_registry: Text | None = None
    service_account: Text | None = None
    secrets: Literal["reference", "mount"] = "reference"
    min_instances: Annotated[int, Field(ge=0, strict=True)] = 0


COMMON = frozenset({
    "provider", "region", "secretPrefix", "nameScope", "keepImages", "logRetentionDays",
    "schedulerCpu", "schedulerMemory",
})  # fmt: skip
GOOGLE = frozenset({"project", "artifactRegistry", "serviceAccount", "secrets", "minInstances"})
AWS = frozenset(info.alias or "" for info in Cloud.model_fields.values()) - COMMON - GOOGLE


class Server(Section):
    """`[server]`: a machine of one's own, reached over SSH."""

    other_names: ClassVar[Mapping[str, str]] = {
        "sshUser": "user",
        "sshPort": "port",
        "sshKeyPath": "keyPath",
    }

    host: Text
    user: Text = "root"
    port: Port = 22
    key_path: Text | None = None
    base_path: Annotated[str, Field(pattern="^/")] = "/opt/action-llama"
    expose: bool = True
    gateway_port: Port = 3000
    provider: Text | None = None
    vultr_instance_id: Text | None = None
    vultr_region: Text | None = None
    hetzner_server_id: int | None = None
    hetzner_location: Text | None = None
    cloudflare_zone_id: Text | None = None
    cloudflare_dns_record_id: Text | None = None
    cloudflare_hostname: Text | None = None


class Images(Section):
    """`[images]`: the base images, and who builds an agent's Dockerfile."""

    base: Text | None = None
    base_arm64: Text | None = None
    gateway: Text | None = None
    builder: Literal["docker", "codebuild", "cloudbuild"] | None = None


class Pulumi(Section):
    """`[pulumi]`: where its state is kept and how its secrets are encrypted."""

    backend: Text | None = None
    secrets_provider: Text | None = None
    root: Text | None = None
