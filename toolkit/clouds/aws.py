"""AWS's clients, made when first used, and the few facts of an account that every adapter needs.

Everything at run time talks to AWS through here, so the sandbox is nothing but another endpoint.  It must not
know what the calls are for; their errors become ours in aws_errors.py.  boto3 is imported when the first client
is made.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from threading import RLock
from typing import Any, TypeVar

from toolkit.core.environment import AwsCloud, Environment
from toolkit.core.errors import AccessDenied, AlError, ConfigError, NotFound
from toolkit.core.retry import retrying

from .aws_errors import code_of, translated

__all__ = [
    "Clients",
    "arn",
    "check_image",
    "clients_for",
    "cloud_of",
    "code_of",
    "role_arn",
    "tag_list",
    "translated",
]

T = TypeVar("T")

# What a process inside the sandbox has instead of its user's keys, as on the real platforms.
_ROLE_SESSION = ("AWS_LAMBDA_RUNTIME_API", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
_SANDBOX_KEYS = {"aws_access_key_id": "sandbox", "aws_secret_access_key": "sandbox"}
PROPAGATION = (
    300.0  # seconds; IAM normally needs a few, and one provider saw more than five minutes
)
_NEW_ROLE = timedelta(minutes=15)  # the longest propagation that AWS's support has admitted
# the services that become the roles of runs
LAMBDA, ECS_TASKS = "lambda.amazonaws.com", "ecs-tasks.amazonaws.com"
CODEBUILD = "codebuild.amazonaws.com"  # that of what builds images
# of ECS, of Lambda, and of CodeBuild
_NOT_YET = (
    "unable to assume the role", "cannot be assumed", "not authorized to perform: sts:AssumeRole",
)  # fmt: skip
_REPAIRED = 60.0  # seconds; a change spreads as a new role does, which normally takes a few
_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?"
    r"/(?P<repository>[a-z0-9][a-z0-9._/-]*)@sha256:[0-9a-f]{64}"
)


class Clients:
    """One session's clients for one account and region; safe to share between threads."""

    def __init__(self, cloud: AwsCloud) -> None:
        self.cloud = cloud
        self._made: dict[str, Any] = {}
        self._lock = (
            RLock()
        )  # a boto3 session must not be used by two threads at once; its clients may
        self._account_known = self._needs_no_check()

    @cached_property
    def session(self) -> Any:
        """Raises ConfigError when boto3 is not installed or the profile does not exist."""
        try:
            import boto3
        except ImportError as error:
            raise ConfigError(
                "boto3 is not installed", hint='pip install "al-toolkit[aws]"'
            ) from error
        keys = self._sandbox_keys()
        profile = None if keys else self.cloud.profile
        with translated("reading the AWS configuration"):
            return boto3.Session(region_name=self.cloud.region, profile_name=profile, **keys)

    def client(self, service: str) -> Any:
        """The client of that service, e.g. `client("ecs")`.  Its calls belong in `with translated(...)`."""
        return self._client(service, service, {"mode": "standard", "total_max_attempts": 4})

    @property
    def invoker(self) -> Any:
        """The client for Lambda's Invoke: an invocation must never be sent twice by a retry that nobody sees."""
        return self._client("invoke", "lambda", {"total_max_attempts": 1})

    @property
    def waker(self) -> Any:
        """The client for a function that is to be woken while somebody waits for an answer: not for longer than a second."""
        return self._client("wake", "lambda", {"total_max_attempts": 1}, seconds=(0.5, 0.5))

    def caller_account(self) -> str:
        """The account that the credentials belong to.  Raises AccessDenied when there are none."""
        with translated("asking AWS who we are"):
            return str(self.client("sts").get_caller_identity()["Account"])

    def check_account(self) -> None:
        """Raises ConfigError when the credentials are another account's than the environment's."""
        if (account := self.caller_account()) != self.cloud.account:
            raise ConfigError(
                f"the AWS credentials are of account {account}, the environment is in {self.cloud.account}",
                hint="log in to that account, or correct `profile` or `accountId` in the environment's file",
            )

    def when_assumable(
        self,
        call: Callable[[], T],
        roles: Iterable[str],
        *,
        service: str,
        sleep: Callable[[float], None],
    ) -> T:
        """`call()`, again for a while when `service` is refused one of these roles although IAM lets it in.

        IAM is eventually consistent: a role that was just made or repaired may not be known yet to the service that is
        to use it (https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html).  Any other refusal is a
        mistake, and waiting would hide it.
        """
        try:
            return call()
        except AlError as error:
            patience = max((self._patience(role, service) for role in roles), default=0.0)
            if not _not_assumable(error) or not patience:
                raise
        return retrying(call, seconds=patience, first=1, retry=_not_assumable, sleep=sleep)

    def _patience(self, role: str, service: str) -> float:
        """Seconds in which the service may learn what IAM knows of the role; none when we may not look, too.

        IAM tells when a role was made and not when it was changed.  So an old one that lets the service in is taken for
        one that was repaired a moment ago, and waited for less long: its conditions may be what refuses.
        """
        try:
            with translated(f"looking at {role}"):
                found = self.client("iam").get_role(RoleName=role.rsplit("/", 1)[-1])["Role"]
        except (AccessDenied, NotFound):
            return 0.0
        if datetime.now(UTC) - found["CreateDate"] < _NEW_ROLE:
            return PROPAGATION
        return _REPAIRED if _lets_in(found["AssumeRolePolicyDocument"], service) else 0.0

    def _client(
        self,
        key: str,
        service: str,
        retries: dict[str, Any],
        *,
        seconds: tuple[float, float] = (5, 30),
    ) -> Any:
        """`seconds` to connect and to wait for an answer."""
        with self._lock:
            if key not in self._made:
                if service != "sts":
                    self._check_account_once()
                with translated(f"preparing to call {service}"):
                    config = self._config(retries, *seconds)
                    self._made[key] = self.session.client(
                        service, endpoint_url=self.cloud.endpoint, config=config
                    )
            return self._made[key]

    def _check_account_once(self) -> None:
        """Before anything of the environment is touched: another account may well have things of the same names."""
        if not self._account_known:
            self.check_account()
            self._account_known = True

    def _needs_no_check(self) -> bool:
        """The sandbox has one account; our own containers know none, and a function can be in no other."""
        inside = not self.cloud.account or "AWS_LAMBDA_RUNTIME_API" in os.environ
        return self.cloud.endpoint is not None or inside

    def _config(self, retries: Any, connect: float, read: float) -> Any:
        from botocore.config import Config

        # no proxy stands between this machine and its own sandbox
        direct: dict[str, Any] = {"proxies": {}} if self.cloud.endpoint else {}
        return Config(
            retries=retries,
            connect_timeout=connect,
            read_timeout=read,
            max_pool_connections=32,
            **direct,
        )

    def _sandbox_keys(self) -> dict[str, Any]:
        """The user's own keys are never shown to the sandbox; inside it, roles have sessions as on AWS."""
        if self.cloud.endpoint is None or any(name in os.environ for name in _ROLE_SESSION):
            return {}
        return dict(_SANDBOX_KEYS)


def _lets_in(trust: Mapping[str, Any], service: str) -> bool:
    """Whether a statement names the service, whatever its conditions."""
    statements = trust.get("Statement", ())
    for statement in [statements] if isinstance(statements, Mapping) else statements:
        principal = statement.get("Principal")
        named = principal.get("Service", ()) if isinstance(principal, Mapping) else ()
        listed = [named] if isinstance(named, str) else named
        if statement.get("Effect") == "Allow" and service in listed:
            return True
    return False


def _not_assumable(error: AlError) -> bool:
    return any(words in error.message for words in _NOT_YET)


@cache
def clients_for(cloud: AwsCloud) -> Clients:
    """The process's one Clients for that account: logging in (SSO, MFA, a helper process) happens once."""
    return Clients(cloud)


def cloud_of(environment: Environment) -> AwsCloud:
    """The environment's account.  Raises ConfigError when it is not on AWS."""
    if not isinstance(environment.cloud, AwsCloud):
        raise ConfigError(
            f"environment {environment.name!r} is not on AWS",
            hint='its file needs a [cloud] table with provider = "ecs", awsRegion and accountId',
        )
    return environment.cloud


def arn(cloud: AwsCloud, service: str, resource: str) -> str:
    """`arn:<partition>:<service>:<region>:<account>:<resource>`; IAM's names have no region."""
    partition = next(
        (
            p
            for start, p in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"))
            if cloud.region.startswith(start)
        ),
        "aws",
    )
    region = "" if service == "iam" else cloud.region
    return f"arn:{partition}:{service}:{region}:{cloud.account}:{resource}"


def role_arn(cloud: AwsCloud, configured: str | None, name: str) -> str:
    """The ARN of the role that the environment's file names, by name or by ARN, else of ours called `name`."""
    role = configured or name
    return role if role.startswith("arn:") else arn(cloud, "iam", f"role/{role}")


def tag_list(
    tags: Mapping[str, str], key: str = "key", value: str = "value"
) -> list[dict[str, str]]:
    """Tags as a list of pairs, the way ECS takes them; other services write `Key` and `Value`."""
    return [{key: k, value: v} for k, v in sorted(tags.items())]


def check_image(cloud: AwsCloud, image: str) -> None:
    """An image runs by digest, from a private ECR repository of the environment's own region.

    Lambda takes no other (https://docs.aws.amazon.com/lambda/latest/dg/images-create.html), and one rule for
    both runtimes lets an agent move between them.  Raises ConfigError.
    """
    match = _IMAGE.fullmatch(image)
    if match is None or match["region"] != cloud.region:
        raise ConfigError(
            f"{image!r} is not an image in a private ECR repository of {cloud.region}, named by digest",
            hint=f"use {cloud.account}.dkr.ecr.{cloud.region}.amazonaws.com/REPOSITORY@sha256:DIGEST",
        )
