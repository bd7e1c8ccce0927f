"""What an environment's things are called, as ARNs in an operator's policy.  Pure."""

from dataclasses import dataclass
from functools import cached_property

from infra import state_bucket
from toolkit.clouds.aws import arn, role_arn
from toolkit.core.environment import AwsCloud, Environment
from toolkit.core.names import GATEWAY, Names

PROJECT, ENVIRONMENT = "al:project", "al:environment"


@dataclass(frozen=True, kw_only=True)
class Ours:
    """One environment's things, present and future: an agent's names end in a wildcard."""

    environment: Environment
    cloud: AwsCloud

    @property
    def names(self) -> Names:
        return Names(self.environment.scope)

    def arn(self, service: str, *rests: str) -> tuple[str, ...]:
        return tuple(arn(self.cloud, service, rest) for rest in rests)

    def _of_agents(self, longest: int) -> str:
        """What fits every name of this scope, those shortened by hash too."""
        return f"{self.names.beginning(longest)}*"

    @cached_property
    def table(self) -> tuple[str, ...]:
        return self.arn("dynamodb", f"table/{self.names.table}")

    @cached_property
    def repositories(self) -> tuple[str, ...]:
        """The agents', and those of no agent, `al-<project>-<env>/...`: no environment's name has a slash."""
        room = self.names.repository(GATEWAY).rpartition("/")[0]
        return self.arn("ecr", f"repository/{self._of_agents(256)}", f"repository/{room}/*")

    @cached_property
    def event_rules(self) -> tuple[str, ...]:
        return self.arn("events", f"rule/{self._of_agents(64)}")

    @cached_property
    def functions(self) -> tuple[str, ...]:
        """With their versions: the wildcard at the end reaches over the colon."""
        return self.arn("lambda", f"function:{self._of_agents(64)}")

    @cached_property
    def log_groups(self) -> tuple[str, ...]:
        """With their streams.  Tagging names a group without the `:*` that everything else has."""
        environment = f"log-group:{self.names.ecs_log_group}"
        of_functions = f"log-group:/aws/lambda/{self._of_agents(64)}"
        return self.arn("logs", environment, f"{environment}:*", of_functions)

    @cached_property
    def of_agents(self) -> tuple[str, ...]:
        """Where another environment's things may stand under names that are like ours, and tags are asked for by ARN."""
        return (
            *self.arn("ecr", f"repository/{self._of_agents(256)}"),
            *self.functions,
            *self.arn("logs", f"log-group:/aws/lambda/{self._of_agents(64)}"),
        )

    @cached_property
    def build_project(self) -> tuple[str, ...]:
        return self.arn("codebuild", f"project/{self.names.build_project}")

    @cached_property
    def cluster(self) -> tuple[str, ...]:
        return self.arn("ecs", f"cluster/{self._cluster}")

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        return self.arn("ecs", f"task/{self._cluster}/*")

    @cached_property
    def task_definitions(self) -> tuple[str, ...]:
        return self.arn("ecs", f"task-definition/{self._of_agents(255)}")

    @property
    def _cluster(self) -> str:
        return (self.cloud.cluster or self.names.base).rpartition("/")[2]

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        return self.arn("secretsmanager", f"secret:{self.names.secrets}*")

    @cached_property
    def run_secrets(self) -> tuple[str, ...]:
        return self.arn("secretsmanager", f"secret:{self.names.secrets}runs/*")

    @cached_property
    def roles(self) -> tuple[str, ...]:
        """Those that al makes."""
        return self.arn("iam", f"role/{self._of_agents(64)}")

    @cached_property
    def brought_roles(self) -> tuple[str, ...]:
        """Those that the user brings: handed on, read, and never changed."""
        cloud = self.cloud
        single = (cloud.execution_role, cloud.task_role, cloud.lambda_role)
        named = {*filter(None, single), *(role for _, _, role in cloud.agent_roles)}
        return tuple(sorted(role_arn(cloud, role, "") for role in named))

    @cached_property
    def managed_policies(self) -> tuple[str, ...]:
        """Of the account, and AWS's own."""
        theirs = f"{self._partition}:iam::aws:policy/*"
        return (*self.arn("iam", "policy/*"), theirs)

    @cached_property
    def bucket(self) -> tuple[str, ...]:
        """That of Pulumi's state; none where another kind of backend is chosen."""
        name = self._chosen_bucket[0] if self._chosen_bucket else None
        if self.makes_bucket:
            name = state_bucket.name(self.names, self.cloud)
        return (f"{self._partition}:s3:::{name}",) if name else ()

    @cached_property
    def objects(self) -> tuple[str, ...]:
        """What is Pulumi's in it: in the user's own bucket no more than the folder that the backend names."""
        return tuple(f"{bucket}/{self.folder}*" for bucket in self.bucket)

    @cached_property
    def folder(self) -> str:
        """`path/` of a backend `s3://bucket/path`; "" for a whole bucket."""
        path = self._chosen_bucket[1].strip("/") if self._chosen_bucket else ""
        return f"{path}/" if path else ""

    @property
    def _chosen_bucket(self) -> tuple[str, str] | None:
        """Name and path, where the user has chosen one (https://www.pulumi.com/docs/iac/concepts/state-and-backends/#aws-s3)."""
        chosen = self.environment.pulumi.get("backend", "")
        if not chosen.startswith("s3://"):
            return None
        name, _, path = chosen.removeprefix("s3://").partition("?")[0].partition("/")
        return name, path

    @property
    def makes_bucket(self) -> bool:
        return "backend" not in self.environment.pulumi

    @property
    def _partition(self) -> str:
        return ":".join(arn(self.cloud, "s3", "").split(":")[:2])

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The KMS key that protects Pulumi's state, if there is one; every key of a region where it is named by an alias,
        which is no resource of Encrypt and Decrypt (https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html)."""
        named = self._named_key
        if not named:
            return ()
        if self.key_alias:
            where = named.partition(":alias/")[0] if named.startswith("arn:") else None
            return (f"{where}:key/*",) if where else self.arn("kms", "key/*")
        return (named,) if named.startswith("arn:") else self.arn("kms", f"key/{named}")

    @cached_property
    def key_alias(self) -> str | None:
        """`alias/...`, where the key is named so."""
        _, found, alias = self._named_key.rpartition("alias/")
        return f"alias/{alias}" if found else None

    @property
    def _named_key(self) -> str:
        chosen = self.environment.pulumi.get("secretsProvider", "")
        if not chosen.startswith("awskms://"):
            return ""
        return chosen.removeprefix("awskms://").strip("/").partition("?")[0]

    @cached_property
    def base_images(self) -> tuple[str, ...]:
        """The repositories of the base images, where they are ECR's."""
        images = self.environment.images
        found = (images.get(part, "") for part in ("base", "gateway"))
        return tuple(sorted({made for image in found if (made := self._repository(image))}))

    def _repository(self, image: str) -> str | None:
        host, _, path = image.partition("/")
        account, _, rest = host.partition(".dkr.ecr.")
        if not rest:
            return None
        repository = path.partition("@")[0].rpartition(":")[0] or path.partition("@")[0]
        region = rest.partition(".")[0]
        return f"{self._partition}:ecr:{region}:{account}:repository/{repository}"

    @property
    def request_tags(self) -> dict[str, dict[str, str]]:
        """The condition that what is made carries our tags."""
        return {"StringEquals": self._tags("aws:RequestTag")}

    @property
    def resource_tags(self) -> dict[str, dict[str, str]]:
        """The condition that what is changed carries them."""
        return {"StringEquals": self._tags("aws:ResourceTag")}

    @property
    def not_of_others(self) -> dict[str, dict[str, str]]:
        """The condition that it carries no other environment's: those of two environments' names may begin alike, or
        even be equal.  What has gone has no tags, nor has a log group that Lambda made, so their absence refuses
        nothing, and the service answers that there is no such thing rather than that it is forbidden."""
        return {"StringEqualsIfExists": self._tags("aws:ResourceTag")}

    def _tags(self, key: str) -> dict[str, str]:
        scope = self.environment.scope
        return {f"{key}/{ENVIRONMENT}": scope.environment, f"{key}/{PROJECT}": scope.project}
