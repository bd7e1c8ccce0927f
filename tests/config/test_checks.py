"""What AWS would refuse, found before it is asked."""

from dataclasses import replace

import pytest

from toolkit.config.checks import cloud_problems
from toolkit.config.problems import Problem

from .conftest import AGENT, Load

PROD = "environments/prod.toml"
AWS = '[cloud]\nprovider = "ecs"\nregion = "eu-central-1"\naccountId = "123456789012"\n'
CONFIG = AGENT["config.toml"]


def found(load: Load, files: dict[str, str], cloud: str = AWS) -> list[Problem]:
    loaded = load({PROD: cloud, **files}, "prod")
    return cloud_problems(loaded.project, loaded.environment)


def test_a_sound_project_has_no_problems(load: Load) -> None:
    """Nothing is found where nothing is wrong."""
    assert found(load, {}) == []


def test_another_place_is_not_aws(load: Load) -> None:
    """On this machine none of it matters."""
    loaded = load({"config.toml": CONFIG + "authType = 'pi_auth'\n"}, "local")
    assert cloud_problems(loaded.project, loaded.environment) == []


def test_a_login_of_this_machine_is_refused(load: Load) -> None:
    """pi_auth cannot be taken along."""
    (problem,) = found(load, {"config.toml": CONFIG + "authType = 'pi_auth'\n"})
    assert (problem.key, problem.warning) == ("models", False)


def test_a_user_of_this_machine_is_refused(load: Load) -> None:
    """AWS runs containers."""
    text = AGENT["agents/dev/config.toml"] + "[runtime]\ntype = 'host-user'\n"
    (problem,) = found(load, {"agents/dev/config.toml": text})
    assert problem.key == "runtime.type"


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://localhost:11434", "loopback"),
        ("http://127.0.0.1:1/v1", "loopback"),
        ("http://[::1]:1", "loopback"),
        ("http://host.docker.internal:1", "loopback"),
        ("http://10.10.10.1:8081", "private"),
        ("http://100.64.0.7:8081", "private"),
        ("http://gpu:8081", "private"),
        ("http://gpu.local:8081", "private"),
    ],
)
def test_a_model_that_aws_cannot_reach_is_refused(load: Load, url: str, kind: str) -> None:
    """Before anything is deployed, with what can be done about it."""
    (problem,) = found(load, {"config.toml": CONFIG + f'baseUrl = "{url}"\n'})
    assert (problem.warning, f"a {kind} address" in problem.message) == (False, True)
    assert "-E local" in problem.remedy
    assert ("set cloud.lambdaSubnets" in problem.remedy) is (kind == "private")


def test_a_private_address_may_be_in_the_network_of_the_runs(load: Load) -> None:
    """Whose subnets the user names: nobody here knows where they lead, and loopback they never are."""
    subnets = 'lambdaSubnets = ["subnet-1"]\nlambdaSecurityGroups = ["sg-1"]\n'
    near = {"config.toml": CONFIG + 'baseUrl = "http://10.10.10.1:8081"\n'}
    here = {"config.toml": CONFIG + 'baseUrl = "http://localhost:8081"\n'}
    models = [p for p in found(load, near, AWS + subnets) if p.key == "models"]
    assert [problem.warning for problem in models] == [True]
    models = [p for p in found(load, here, AWS + subnets) if p.key == "models"]
    assert [problem.warning for problem in models] == [False]


def test_a_model_without_an_address_is_where_its_provider_is(load: Load) -> None:
    """That of Ollama is this machine."""
    files = {"config.toml": '[models.m]\nprovider = "ollama"\nmodel = "qwen3"\n'}
    (problem,) = found(load, files)
    assert "http://localhost:11434, a loopback address" in problem.message


@pytest.mark.parametrize("url", ["https://models.example.com", "http://8.8.8.8"])
def test_a_model_that_anyone_can_reach_is_fine(load: Load, url: str) -> None:
    """A name is not looked up."""
    assert found(load, {"config.toml": CONFIG + f'baseUrl = "{url}"\n'}) == []


def test_the_sandbox_reaches_this_machine(load: Load) -> None:
    """Its tasks run here, so a loopback model is fine."""
    loaded = load({"config.toml": CONFIG + 'baseUrl = "http://127.0.0.1:1"\n'}, "sandbox")
    assert cloud_problems(loaded.project, loaded.environment) == []


def test_a_script_s_models_do_not_matter(load: Load) -> None:
    """They are not used."""
    files = {
        "config.toml": CONFIG + "authType = 'pi_auth'\n",
        "agents/dev/test-script.sh": "true",
    }
    assert found(load, files) == []


def test_tasks_without_a_public_address_need_a_way_out(load: Load) -> None:
    """Since platform 1.4.0 image, secrets and logs go over the task's own interface.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-networking.html
    """
    (problem,) = found(load, {}, AWS + "assignPublicIp = false\n")
    assert (problem.key, problem.warning) == ("cloud.assignPublicIp", True)


def test_functions_in_a_vpc_need_a_way_out(load: Load) -> None:
    """A function in a VPC never has a public address.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc-internet.html
    """
    (problem,) = found(load, {}, AWS + 'lambdaSubnets = ["s"]\n')
    assert (problem.key, problem.warning) == ("cloud.lambdaSubnets", True)
    loaded = load({PROD: AWS + 'lambdaSubnets = ["s"]\nlambda = "never"\n'}, "prod")
    assert cloud_problems(loaded.project, replace(loaded.environment)) == []
