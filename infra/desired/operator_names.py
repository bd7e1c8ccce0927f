"""What an environment's things are called, as ARNs in an operator's policy.  Pure."""

from dataclasses import dataclass
from functools import cached_property

from infra import state_bucket
from toolkit.clouds.aws import arn, role_arn
from toolkit.core.environment import AwsCloud, Environment
from toolkit.core.names import BASE, GATEWAY, Names

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
        single = (self.names.repository(part) for part in (BASE, GATEWAY))
        named = (self._of_agents(256), *single)
        return self.arn("ecr", *(f"repository/{name}" for name in named))

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
    def bucket(self) -> tuple[str, ...]:
        """That of Pulumi's state; none where another kind of backend is chosen."""
        chosen = self.environment.pulumi.get("backend")
        if chosen is None:
            name = state_bucket.name(self.names, self.cloud)
        elif chosen.startswith("s3://"):
            name = chosen.removeprefix("s3://").partition("?")[0].partition("/")[0]
        else:
            return ()
        return (f"{self._partition}:s3:::{name}",)

    @property
    def makes_bucket(self) -> bool:
        return "backend" not in self.environment.pulumi

    @property
    def _partition(self) -> str:
        return ":".join(arn(self.cloud, "s3", "").split(":")[:2])

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The KMS key that protects Pulumi's state, where one is named by its ARN or id."""
        chosen = self.environment.pulumi.get("secretsProvider", "")
        named = chosen.removeprefix("awskms://").strip("/").partition("?")[0]
        if not chosen.startswith("awskms://") or named.startswith("alias/"):
            return ()
        return (named,) if named.startswith("arn:") else self.arn("kms", f"key/{named}")

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

    def _tags(self, key: str) -> dict[str, str]:
        scope = self.environment.scope
        return {f"{key}/{ENVIRONMENT}": scope.environment, f"{key}/{PROJECT}": scope.project}
