"""Two environments of which one's names begin as the other's are told of, where they share an account."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.ops.test_doctor import a_project, an_agent
from toolkit.core.agent import Agent
from toolkit.core.environment import AwsCloud, Environment, Scope
from toolkit.core.ports import Context
from toolkit.ops.doctor.findings import Finding, Weight
from toolkit.ops.doctor.names import found
from toolkit.wiring import Services

ACCOUNT = "123456789012"


def findings(home: Path, name: str = "prod", *agents: Agent, legacy: bool = False) -> list[Finding]:
    """Of environment `name`, while `home` has files of others."""
    scope = Scope(project="shop", environment=name, legacy_names=legacy)
    cloud = AwsCloud(region="us-east-1", account=ACCOUNT)
    context = Context(
        environment=Environment(name=name, scope=scope, cloud=cloud), home=home, project=home
    )
    project = replace(a_project(*(agents or [an_agent("dev")])), directory=home / "shop")
    return list(found(Services(context, project), project))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """`prod-eu` and `staging` are in one account, `prod-us` in another, and of `prod-x` nobody can tell."""
    folder = tmp_path / "environments"
    folder.mkdir()
    for name, account in (("prod-eu", ACCOUNT), ("staging", ACCOUNT), ("prod-us", "999999999999")):
        (folder / f"{name}.toml").write_text(
            f'[cloud]\nprovider = "ecs"\naccountId = "{account}"\n'
        )
    (folder / "prod-x.toml").write_text("[cloud")
    return tmp_path


def test_an_environment_whose_names_begin_alike_is_a_warning(home: Path) -> None:
    """Roles are handed on by name, and tags do not limit who may
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html)."""
    (finding,) = findings(home)
    assert finding.weight is Weight.WARNING
    assert "begin as those of prod-eu" in finding.message


def test_it_is_told_from_either_side(tmp_path: Path) -> None:
    """Whoever looks at the longer one hears the same."""
    (tmp_path / "environments").mkdir()
    file = tmp_path / "environments" / "prod.toml"
    file.write_text(f'[cloud]\naccountId = "{ACCOUNT}"\n')
    (finding,) = findings(tmp_path, "prod-eu")
    assert finding.about == "prod"


def test_two_things_of_one_name_are_an_error(home: Path) -> None:
    """`eu-dev` in `prod` is called as `dev` in `prod-eu`."""
    (finding,) = findings(home, "prod", an_agent("dev"), an_agent("eu-dev"))
    assert finding.weight is Weight.ERROR
    assert "eu-dev in prod and dev in prod-eu" in finding.message


@pytest.mark.parametrize(("name", "legacy"), [("pro", False), ("stag", False), ("prod", True)])
def test_other_names_are_nothing(home: Path, name: str, legacy: bool) -> None:
    """A hyphen ends a name; names of the predecessor have no environment in them."""
    assert findings(home, name, legacy=legacy) == []
