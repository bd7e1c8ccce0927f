"""Roles of the user's own, a boundary for those that push makes, and an agent's processor and capacity."""

from collections.abc import Callable

import pytest

from toolkit.config.checks import cloud_problems
from toolkit.core.environment import AwsCloud

from .conftest import Load

Problems = Callable[..., list[str]]
PROD, DEV = "environments/prod.toml", "agents/dev/config.toml"
AWS = '[cloud]\nprovider = "ecs"\nregion = "eu-central-1"\naccountId = "123456789012"\n'
BOUNDARY = "arn:aws:iam::123456789012:policy/team/al-boundary"


def cloud(load: Load, text: str) -> AwsCloud:
    found = load({PROD: AWS + text}, "prod").environment.cloud
    assert isinstance(found, AwsCloud)
    return found


def test_an_agent_has_the_roles_that_its_table_names(load: Load) -> None:
    """`[cloud.agentRoles.<agent>]`; what it does not name comes from the environment, or is made."""
    found = cloud(
        load,
        'taskRoleArn = "all"\n[cloud.agentRoles.dev]\ntask = "mine"\nlambda = "fast"\n',
    )
    assert found.agent_roles == (("dev", "task", "mine"), ("dev", "lambda", "fast"))
    assert found.brought_role("dev", "execution") is None
    assert found.brought_role("other", "task") == "all"


def test_a_cloud_with_roles_can_still_be_a_key(load: Load) -> None:
    """Clients are made once per account, found by it."""
    assert hash(cloud(load, '[cloud.agentRoles.dev]\ntask = "mine"\n'))


def test_a_purpose_that_there_is_not_is_answered_with_the_nearest(problems: Problems) -> None:
    """Unknown keys are errors."""
    (said,) = problems({PROD: AWS + '[cloud.agentRoles.dev]\ntsk = "mine"\n'}, "prod")
    assert said.startswith(f"{PROD}: cloud.agentRoles.dev.tsk: unknown key")


def test_roles_for_an_agent_that_is_not_there_are_a_finding(load: Load) -> None:
    """A slip would give the agent that was meant a role of ours, and its own would never be used."""
    loaded = load({PROD: AWS + '[cloud.agentRoles.dve]\ntask = "mine"\n'}, "prod")
    (found,) = cloud_problems(loaded.project, loaded.environment)
    assert (found.key, found.warning) == ("cloud.agentRoles.dve", False)
    assert "agents: dev" in found.remedy


@pytest.mark.parametrize("key", ["executionRoleArn", "taskRoleArn", "lambdaRoleArn"])
@pytest.mark.parametrize(
    ("role", "said"),
    [
        ("a b", "is neither a role's name nor its ARN"),
        ("arn:aws:iam::123456789012:policy/mine", "is neither a role's name nor its ARN"),
        ("arn:aws:iam::999999999999:role/mine", "is a role of account 999999999999"),
    ],
)
def test_what_is_no_role_of_the_account_is_refused(
    problems: Problems, key: str, role: str, said: str
) -> None:
    """By its key, before anything is pushed."""
    (found,) = problems({PROD: f'{AWS}{key} = "{role}"\n'}, "prod")
    assert found.startswith(f"{PROD}: cloud.{key}: {said}")


def test_the_role_of_one_agent_is_looked_at_too(problems: Problems) -> None:
    """With the agent and the purpose."""
    (found,) = problems({PROD: f'{AWS}[cloud.agentRoles.dev]\nlambda = "a b"\n'}, "prod")
    assert found.startswith(f"{PROD}: cloud.agentRoles.dev.lambda: is neither")


@pytest.mark.parametrize("role", ["mine", "arn:aws:iam::123456789012:role/team/mine"])
def test_a_role_is_named_or_given_by_its_arn(load: Load, role: str) -> None:
    """With a path or without."""
    assert cloud(load, f'taskRoleArn = "{role}"\n').task_role == role


@pytest.mark.parametrize(
    "boundary",
    [BOUNDARY, "arn:aws:iam::aws:policy/PowerUserAccess", "arn:aws-cn:iam::123456789012:policy/a"],
)
def test_a_boundary_is_a_managed_policy(load: Load, boundary: str) -> None:
    """The account's own, or one of AWS
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html)."""
    assert cloud(load, f'permissionBoundary = "{boundary}"\n').permission_boundary == boundary


@pytest.mark.parametrize(
    ("boundary", "said"),
    [
        ("al-boundary", "is not the ARN of a managed policy"),
        ("arn:aws:iam::123456789012:role/al-boundary", "is not the ARN of a managed policy"),
        (BOUNDARY.replace("123456789012", "999999999999"), "is a policy of account 999999999999"),
    ],
)
def test_anything_else_is_no_boundary(problems: Problems, boundary: str, said: str) -> None:
    """IAM would refuse every role, in the middle of a push."""
    (found,) = problems({PROD: f'{AWS}permissionBoundary = "{boundary}"\n'}, "prod")
    assert found.startswith(f"{PROD}: cloud.permissionBoundary: {said}")


def test_google_has_no_boundary(problems: Problems) -> None:
    """The keys are AWS's."""
    google = '[cloud]\nprovider = "cloud-run"\nproject = "acme-prod"\nregion = "europe-west1"\nartifactRegistry = "images"\n'
    found = problems({PROD: f'{google}permissionBoundary = "{BOUNDARY}"\n'}, "prod")
    assert [line for line in found if "permissionBoundary: is a key of provider 'ecs'" in line]


def test_an_agent_says_its_processor_and_capacity(load: Load) -> None:
    """x86_64 without Spot, unless it says otherwise."""
    plain = load().project.agents[0]
    chosen = load({DEV: 'models = ["m"]\narch = "arm64"\nspot = true\n'}).project.agents[0]
    assert (plain.arch, plain.spot) == ("x86_64", False)
    assert (chosen.arch, chosen.spot) == ("arm64", True)


def test_a_processor_that_there_is_not_is_refused(problems: Problems) -> None:
    """With the two that there are."""
    (said,) = problems({DEV: 'models = ["m"]\narch = "riscv"\n'})
    assert said.startswith(f"{DEV}: arch:")
    assert "x86_64" in said
    assert "arm64" in said


def test_the_project_may_override_both(load: Load) -> None:
    """As every key of an agent."""
    found = load({"environments/prod.toml": AWS + '[agents.dev]\narch = "arm64"\n'}, "prod")
    assert found.project.agents[0].arch == "arm64"
