"""An account on AWS, and Pulumi's provider for it."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.clouds.aws_errors import meaning
from toolkit.core.errors import AlError
from toolkit.core.plan import Item
from toolkit.core.ports import Context

from . import adoption, existing, state_bucket
from .adoption import Found, Key
from .inventory.account import Account

# The services that the program's resources are in, as the provider names them, for a cloud with an endpoint of its own.
_SERVICES = ("ec2", "ecr", "ecs", "iam", "lambda", "logs", "s3", "secretsmanager", "sts")
_REFUSAL = re.compile(r"api error (?P<code>\w+): (?P<words>[^\n]*)")


class AwsProvider:
    """Raises ConfigError for an environment that is not on AWS."""

    package, words, wholes = "aws", "AWS", adoption.WHOLES

    def __init__(self, context: Context) -> None:
        self._cloud, self._names = cloud_of(context.environment), context.names

    def program(self, items: Sequence[Item], adopted: Mapping[Key, str]) -> Callable[[], None]:
        from .programs.aws import program

        return program(items, adopted)

    def check_account(self) -> None:
        clients_for(self._cloud).check_account()

    def settings(self) -> Mapping[str, Any]:
        """https://www.pulumi.com/registry/packages/aws/installation-configuration/"""
        config: dict[str, Any] = {
            "aws:region": self._cloud.region,
            # the provider then refuses to touch an account that is not the environment's
            "aws:allowedAccountIds": [self._cloud.account],
        }
        if self._cloud.endpoint:
            config |= {
                "aws:endpoints": [dict.fromkeys(_SERVICES, self._cloud.endpoint)],
                "aws:skipCredentialsValidation": True,
                "aws:s3UsePathStyle": True,
            }
        return config

    def variables(self) -> Mapping[str, str]:
        """The user's own keys are never shown to an endpoint that is not AWS."""
        if self._cloud.endpoint:
            return {"AWS_ACCESS_KEY_ID": "sandbox", "AWS_SECRET_ACCESS_KEY": "sandbox", "AWS_SESSION_TOKEN": ""}  # fmt: skip
        return {"AWS_PROFILE": self._cloud.profile} if self._cloud.profile else {}

    def find(self, items: Iterable[Item]) -> tuple[Found, ...]:
        return existing.find(Account(clients=clients_for(self._cloud), names=self._names), items)

    def restore(self, ref: str) -> None:
        existing.restore(clients_for(self._cloud), ref)

    def bucket(self, *, make: bool) -> str | None:
        look = state_bucket.ensure if make else state_bucket.find
        name = look(clients_for(self._cloud), self._names)
        profile = f"&profile={self._cloud.profile}" if self._cloud.profile else ""
        return f"s3://{name}?region={self._cloud.region}&awssdk=v2{profile}" if name else None

    def meaning(self, text: str) -> tuple[type[AlError], str] | None:
        return meaning_of(text)


def meaning_of(text: str) -> tuple[type[AlError], str] | None:
    """The provider hands AWS's code through."""
    said = _REFUSAL.search(text)
    known = meaning(said["code"], said["words"]) if said else None
    return (known.kind, known.hint) if known else None
