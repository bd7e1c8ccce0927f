"""What no role of ours may reach: the questions that `al doctor --prove` puts to every role's policies.  Pure.

A question is a request, or a pattern of requests, on what is another's.  What is named here is concrete or ends in a
wildcard, so one answer holds for every run, stream, image and record that there will ever be.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from infra.reconcile.policy import Need
from toolkit.clouds.aws import arn
from toolkit.core.environment import AwsCloud
from toolkit.core.names import GATEWAY, Names

SECRETS, CREDENTIALS, LOGS, IMAGES = "run secrets", "credentials", "logs", "images"
MAILBOXES, RUNS, ROLES, LISTS = "mailboxes", "runs", "roles", "lists"
KINDS = (SECRETS, CREDENTIALS, LOGS, IMAGES, MAILBOXES, RUNS, ROLES, LISTS)

_SECRET_ACTIONS = (
    *("GetSecretValue", "BatchGetSecretValue", "DescribeSecret", "ListSecretVersionIds"),
    *("DeleteSecret", "PutSecretValue", "UpdateSecret", "CreateSecret", "PutResourcePolicy"),
)
_READ_LOG = ("GetLogEvents", "FilterLogEvents", "DescribeLogStreams")
_LOG = (
    *(*_READ_LOG, "StartQuery", "StartLiveTail"),
    *("CreateLogStream", "PutLogEvents", "DeleteLogStream", "DeleteLogGroup"),
)
_PULL = ("BatchGetImage", "GetDownloadUrlForLayer", "PutImage", "BatchDeleteImage")
_READ_ITEM = ("GetItem", "BatchGetItem", "Query")
_ITEM = (*_READ_ITEM, "PutItem", "UpdateItem", "DeleteItem")
_BECOME = ("iam:PassRole", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", "sts:AssumeRole")

# The gateway schedules: it shows every run and its log to whoever has its key, starts and stops every agent's runs, keeps
# their records, and makes and removes their secrets, which it cannot read.
GATEWAY_MAY: Mapping[str, frozenset[str]] = {
    LOGS: frozenset(f"logs:{a}" for a in _READ_LOG),
    MAILBOXES: frozenset(f"dynamodb:{a}" for a in _ITEM),
    SECRETS: frozenset(
        f"secretsmanager:{a}" for a in ("CreateSecret", "DeleteSecret", "DescribeSecret")
    ),
    RUNS: frozenset(("lambda:InvokeFunction", "ecs:RunTask")),
    LISTS: frozenset(("secretsmanager:ListSecrets",)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Things:
    """One environment's things as requests name them."""

    cloud: AwsCloud
    names: Names

    def of(self, who: str) -> Mapping[str, tuple[Need, ...]]:
        """Kind -> what would be reaching what is `who`'s: an agent, or the gateway."""
        function = f"log-group:{self.names.lambda_log_group(who)}:log-stream:*"
        if who == GATEWAY:
            return {
                LOGS: self._logs(function),
                IMAGES: self._images(who),
                RUNS: self._starts(who)[:1],  # it has no versions, and no task
            }
        return {
            SECRETS: self._secrets(f"{self.names.run_secrets(who)}*"),
            LOGS: self._logs(function, f"log-group:{self.names.ecs_log_group}:log-stream:{who}/*"),
            IMAGES: self._images(who),
            MAILBOXES: self._items(who),
            RUNS: self._starts(who),
        }

    def of_all(self, credentials: Iterable[str]) -> Mapping[str, tuple[Need, ...]]:
        """What is no agent's: long-lived credentials, by the beginnings of their names, roles, and lists."""
        roles = arn(self.cloud, "iam", "role/*")
        lists = (
            "secretsmanager:ListSecrets",
            "secretsmanager:BatchGetSecretValue",
            "iam:ListRoles",
        )
        scan = Need(action="dynamodb:Scan", resource=self._table, keys={"dynamodb:leadingkeys": ()})
        return {
            CREDENTIALS: tuple(n for name in credentials for n in self._secrets(f"{name}*")),
            ROLES: tuple(Need(action=action, resource=roles) for action in _BECOME),
            LISTS: (*(Need(action=action) for action in lists), scan),
        }

    def _secrets(self, name: str) -> tuple[Need, ...]:
        resource = arn(self.cloud, "secretsmanager", f"secret:{name}")
        return tuple(Need(action=f"secretsmanager:{a}", resource=resource) for a in _SECRET_ACTIONS)

    def _logs(self, *logs: str) -> tuple[Need, ...]:
        resources = [arn(self.cloud, "logs", log) for log in logs]
        return tuple(Need(action=f"logs:{a}", resource=r) for a in _LOG for r in resources)

    def _starts(self, who: str) -> tuple[Need, ...]:
        function = arn(self.cloud, "lambda", f"function:{self.names.function(who)}")
        family = arn(self.cloud, "ecs", f"task-definition/{self.names.family(who)}:*")
        return (
            Need(action="lambda:InvokeFunction", resource=function),
            Need(action="lambda:InvokeFunction", resource=f"{function}:*"),
            Need(action="ecs:RunTask", resource=family),
        )

    def _images(self, who: str) -> tuple[Need, ...]:
        resource = arn(self.cloud, "ecr", f"repository/{self.names.repository(who)}")
        return tuple(Need(action=f"ecr:{action}", resource=resource) for action in _PULL)

    def _items(self, who: str) -> tuple[Need, ...]:
        keys = {"dynamodb:leadingkeys": (f"{self.names.mailboxes(who)}*",)}
        return tuple(
            Need(action=f"dynamodb:{action}", resource=self._table, keys=keys) for action in _ITEM
        )

    @property
    def _table(self) -> str:
        return arn(self.cloud, "dynamodb", f"table/{self.names.table}")
