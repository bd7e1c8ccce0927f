"""A stack of Pulumi's Automation API, ready to be run: Pulumi's project is ours, its stack our environment.

What Pulumi writes beside its state (settings, a salt) lies in a directory that goes when the work is done; the state
itself says what it was encrypted with.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from toolkit.core.environment import AwsCloud, Scope
from toolkit.core.errors import Unreachable

from . import versions
from .diagnosis import Diagnosis
from .pulumi_cli import automation
from .pulumi_process import Cli
from .secrets_provider import Protection

# The services that the program's resources are in, as the provider names them, for a cloud with an endpoint of its own.
_SERVICES = ("ec2", "ecr", "ecs", "iam", "lambda", "logs", "s3", "secretsmanager", "sts")


@contextmanager
def opened(
    cli: Cli,
    scope: Scope,
    cloud: AwsCloud,
    *,
    backend: str,
    protection: Protection,
    create: bool,
) -> Iterator[Any | None]:
    """The environment's stack.  One that is not there is made, or with `create` False None."""
    api = automation()
    variables = {"PULUMI_BACKEND_URL": backend, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    with TemporaryDirectory(prefix="al-pulumi-") as place:
        workspace = api.LocalWorkspace(
            work_dir=place,
            pulumi_command=cli,
            env_vars={**variables, **_access(cloud), **protection.variables},
            secrets_provider=protection.provider,
            project_settings=api.ProjectSettings(name=scope.project, runtime="python", main=place),
            stack_settings={scope.environment: _settings(cloud, protection)},
        )
        yield _selected(workspace, scope.environment, create=create)


def _selected(workspace: Any, name: str, *, create: bool) -> Any | None:
    api = automation()
    if create:
        return api.Stack.create_or_select(name, workspace)
    try:
        return api.Stack.select(name, workspace)
    except api.StackNotFoundError:
        return None


def _settings(cloud: AwsCloud, protection: Protection) -> Any:
    """Given each time: Pulumi would otherwise take its default for a stack that is only selected
    (https://github.com/pulumi/pulumi/issues/8183)."""
    return automation().StackSettings(
        secrets_provider=protection.provider, config={**_provider(cloud)}
    )


def _provider(cloud: AwsCloud) -> Mapping[str, Any]:
    """https://www.pulumi.com/registry/packages/aws/installation-configuration/"""
    config: dict[str, Any] = {
        "aws:region": cloud.region,
        # the provider then refuses to touch an account that is not the environment's
        "aws:allowedAccountIds": [cloud.account],
    }
    if cloud.endpoint:
        config |= {
            "aws:endpoints": [dict.fromkeys(_SERVICES, cloud.endpoint)],
            "aws:skipCredentialsValidation": True,
            "aws:s3UsePathStyle": True,
        }
    return config


def _access(cloud: AwsCloud) -> dict[str, str]:
    """The user's own keys are never shown to an endpoint that is not AWS."""
    if cloud.endpoint:
        return {"AWS_ACCESS_KEY_ID": "sandbox", "AWS_SECRET_ACCESS_KEY": "sandbox", "AWS_SESSION_TOKEN": ""}  # fmt: skip
    return {"AWS_PROFILE": cloud.profile} if cloud.profile else {}


def fetch_provider(stack: Any, home: Path, said: Diagnosis) -> None:
    """Download the AWS provider of the package's version, when Pulumi has not got it.  Raises Unreachable.

    `home` is Pulumi's own directory.  Pulumi would do it by itself, in silence: it is some hundred megabytes.
    """
    wanted = versions.provider()
    if (home / "plugins" / f"resource-aws-v{wanted}").is_dir():
        return
    said.say(f"downloading Pulumi's AWS provider {wanted}, once for this machine")
    try:
        stack.workspace.install_plugin("aws", f"v{wanted}")
    except automation().CommandError as error:
        raise Unreachable(
            f"Pulumi's AWS provider {wanted} could not be downloaded: {str(error)[-600:].strip()}",
            hint=f"try again, or run `pulumi plugin install resource aws v{wanted}` where the network allows it",
        ) from None
