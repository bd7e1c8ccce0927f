"""Every name and tag that `al` gives to a thing in a cloud (D5, D15).

Names carry project and environment.  One that is longer than a service's limit keeps its beginning and ends
in eight hex digits of its SHA-256, so it is the same on every machine.  Limits, each from the service's API
reference: IAM role 64, Lambda function 64, ECS family/cluster 255, ECR repository 256, DynamoDB table 255,
log group 512, Secrets Manager 256 (SecretNameType), security group 255, EventBridge rule 64.
"""

import hashlib
import secrets
from dataclasses import dataclass

from .agent import AgentName, CredentialRef
from .environment import Scope
from .run import RunId

GATEWAY = (
    "-gateway"  # no agent's name begins with a hyphen, so `al-p-e--gateway` is never an agent's
)
BASE = "-base"  # the part of the base image's repository
BUILD = "-build"  # what builds images of Dockerfiles
TASKS, FUNCTIONS = "tasks", "functions"  # what is in a network: Fargate's, and Lambda's in a VPC
TIMER, ENDS = "timer", "ends"  # what wakes a deployed gateway: the clock, and tasks that end


_HASH = 9  # characters that end a shortened name: a hyphen and eight digits


def shorten(name: str, limit: int) -> str:
    """`name`, or its first characters and a hash when it is longer than `limit` characters."""
    if len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[: _HASH - 1]
    return f"{name[: limit - _HASH].rstrip('-')}-{digest}"


@dataclass(frozen=True, slots=True)
class Names:
    """The names within one scope."""

    scope: Scope

    def scoped(self, part: str, limit: int = 255) -> str:
        """`al-<project>-<env>-<part>`; with legacy names `al-<part>`."""
        s = self.scope
        return shorten(
            f"al-{part}" if s.legacy_names else f"al-{s.project}-{s.environment}-{part}", limit
        )

    def beginning(self, limit: int) -> str:
        """What every name begins with that `scoped` gives within `limit` characters: a shortened one keeps no more.

        The names of others may begin so, too: those of `shop` in `prod-eu` begin as those of `shop` in `prod`.
        """
        whole, kept = self.scoped("", 1024), limit - _HASH
        return whole if len(whole) <= kept else whole[:kept].rstrip("-")

    @property
    def base(self) -> str:
        """What belongs to the environment as a whole: its cluster, its table."""
        s = self.scope
        return "al-cluster" if s.legacy_names else shorten(f"al-{s.project}-{s.environment}", 255)

    @property
    def table(self) -> str:
        return "al-state" if self.scope.legacy_names else self.base

    def function(self, agent: str) -> str:
        return self.scoped(agent, 64)

    def family(self, agent: str) -> str:
        return self.scoped(agent, 255)

    def repository(self, agent: str) -> str:
        """`al-<project>-<env>-<agent>`, and `al-<project>-<env>/gateway`: ECR takes no double hyphen
        (https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-create.html)."""
        name = self.scoped(agent, 256)
        return name.replace(f"-{agent}", f"/{agent[1:]}") if agent.startswith("-") else name

    def role(self, agent: str, purpose: str) -> str:
        """`purpose` is task, execution or lambda: `al-<project>-<env>-<agent>-task-role`."""
        return shorten(f"{self.scoped(agent, 1024)}-{purpose}-role", 64)

    def security_group(self, of: str) -> str:
        """Of the tasks or the functions: `al-<project>-<env>--tasks`."""
        return self.scoped(f"-{of}", 255)

    def event_rule(self, of: str) -> str:
        """What wakes the gateway, by the clock or at the end of tasks: `al-<project>-<env>--timer`."""
        return self.scoped(f"-{of}", 64)

    @property
    def ecs_log_group(self) -> str:
        """One group for the environment; an agent's streams are `<agent>/agent/<task id>` in it."""
        return "/ecs/action-llama" if self.scope.legacy_names else f"/ecs/{self.base}"

    def lambda_log_group(self, agent: str) -> str:
        return f"/aws/lambda/{self.function(agent)}"

    def mailboxes(self, agent: AgentName | str) -> str:
        """The partition keys in the state table that an agent's role is limited to begin so."""
        return f"box/{agent}/"

    def mailbox(self, run: RunId) -> str:
        """The partition of a run's mailbox in the state table."""
        return f"{self.mailboxes(run.agent)}{run}"

    @property
    def build_project(self) -> str:
        """In CodeBuild, whose names have at most 150 characters
        (https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html)."""
        return self.scoped(BUILD, 150)

    @property
    def lambda_log_groups(self) -> str:
        """A pattern for those of every agent that there is or has been: logs outlive agents."""
        return f"/aws/lambda/{self.scoped('*', 1024)}"

    # secrets: `/` between the parts on AWS and on this machine

    @property
    def secrets(self) -> str:
        """What every secret's name of this scope begins with, the slash included."""
        s = self.scope
        return f"{s.prefix}/" if s.legacy_names else f"{s.prefix}/{s.project}/{s.environment}/"

    def credential(self, ref: CredentialRef, field: str) -> str:
        return f"{self.secrets}{ref.type}/{ref.instance}/{field}"

    def run_secrets(self, agent: AgentName | str) -> str:
        """The prefix that an agent's role is limited to."""
        return f"{self.secrets}runs/{agent}/"

    def run_secret(self, run: RunId) -> str:
        """A new name with 128 random bits: two runs of one agent must not find each other's (D3b).

        It ends in `_`, because Secrets Manager takes a last hyphen and six characters for its own suffix
        (https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html).
        """
        return f"{self.run_secrets(run.agent)}{run}-{secrets.token_hex(16)}_"

    def tags(
        self, *, agent: str | None = None, run: str | None = None, **more: str
    ) -> dict[str, str]:
        """The ownership tags; nothing without them is ever changed or deleted."""
        tags = {
            "al:managed": "true",
            "al:project": self.scope.project,
            "al:environment": self.scope.environment,
        }
        tags |= {"al:agent": agent} if agent else {}
        tags |= {"al:run": run} if run else {}
        return tags | {f"al:{key}": value for key, value in more.items()}

    def owns(self, tags: dict[str, str]) -> bool:
        """Whether something with these tags is ours to change."""
        return all(tags.get(key) == value for key, value in self.tags().items())
