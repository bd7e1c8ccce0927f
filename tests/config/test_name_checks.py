"""What AWS would refuse as a name, or take for somebody else's, found before it is asked."""

import pytest

from toolkit.config.checks import cloud_problems
from toolkit.config.problems import ConfigErrors, Problem
from toolkit.core.environment import Scope
from toolkit.core.names import Names

from .conftest import Load

AWS = '[cloud]\nprovider = "ecs"\nregion = "eu-central-1"\naccountId = "123456789012"\n'
AGENT = "models = ['m']\nschedule = '* * * * *'\n"


def found(load: Load, files: dict[str, str], cloud: str = AWS) -> list[Problem]:
    loaded = load({"environments/prod.toml": cloud, **files}, "prod")
    return cloud_problems(loaded.project, loaded.environment)


def an_agent(name: str, credentials: str = "") -> dict[str, str]:
    text = AGENT + (f"credentials = ['{credentials}']\n" if credentials else "")
    return {f"agents/{name}/SKILL.md": "Work.", f"agents/{name}/config.toml": text}


def test_a_prefix_that_aws_refuses_is_found(load: Load) -> None:
    """The prefix is the user's, so its characters are checked."""
    with pytest.raises(ConfigErrors) as refused:
        found(load, {}, AWS + 'secretPrefix = "my prefix"\n')
    (problem,) = refused.value.problems
    assert problem.key == "cloud.secretPrefix"
    assert problem.message.startswith("'my prefix' has characters other than")


def test_a_long_prefix_is_found(load: Load) -> None:
    """The whole name counts."""
    problems = found(load, {}, AWS + f'secretPrefix = "{"x" * 240}"\n')
    assert "is longer than 256 characters" in problems[0].message


def test_the_gateway_s_key_is_a_secret_like_any_other(load: Load) -> None:
    """A project whose agents need no credential has one all the same."""
    files = {"agents/dev/test-script.sh": "true"}
    problem, *_ = found(load, files, AWS + f'secretPrefix = "{"x" * 240}"\n')
    assert "gateway_api_key" in problem.message


def test_an_instance_with_a_hyphen_is_fine(load: Load) -> None:
    """The name goes on with the field, so it does not end like an ARN."""
    assert found(load, an_agent("dev", "git_ssh:acme-github")) == []


@pytest.mark.parametrize(("spare", "refused"), [(0, False), (1, True)])
def test_the_longest_name_is_that_of_a_run_s_secret(load: Load, spare: int, refused: bool) -> None:
    """SecretNameType is 256 characters; a run's secret holds the agent's name twice and 128 random bits.

    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
    """
    taken = len("/demo/prod/runs/dev/dev-1a2b3c4d-") + 32 + len("_")
    problems = found(load, {}, AWS + f'secretPrefix = "{"x" * (256 - taken + spare)}"\n')
    assert [p.message for p in problems] == [
        "its runs' secrets would have names of 257 characters, and AWS takes 256"
    ] * refused


def test_what_to_do_about_a_long_run_s_secret_is_named(load: Load) -> None:
    """The agent's name counts twice, so it is the first to be shortened."""
    agent = "a" * 64
    cloud = AWS + f'secretPrefix = "{"x" * 80}"\n'
    (problem,) = found(load, an_agent(agent), cloud)
    assert problem.file == f"agents/{agent}"
    assert "secretPrefix" in problem.remedy


def test_instances_that_differ_in_capitals_only_are_found(load: Load) -> None:
    """On a case-insensitive disk they are one file, and the desired state takes them for one secret."""
    files = an_agent("one", "github_token:Acme") | an_agent("two", "github_token:acme")
    (problem,) = found(load, files)
    assert "'github_token:Acme' and 'github_token:acme'" in problem.message


def test_agents_that_are_one_after_shortening_are_found(load: Load) -> None:
    """Names over a service's limit end in a hash, and somebody's agent can be called just that.

    Lambda takes 64 characters: https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
    """
    long = "a" * 60
    names = Names(Scope(project="demo", environment="prod"))
    twin = names.function(long).removeprefix("al-demo-prod-")
    (problem,) = found(load, an_agent(long) | an_agent(twin))
    assert "which is that of the agent" in problem.message
    assert problem.remedy == "rename one of the two agents"


GOOGLE = '[cloud]\nprovider = "cloud-run"\nregion = "europe-west1"\nproject = "acme-1"\n'


def test_a_secret_s_name_counts_as_google_writes_it(load: Load) -> None:
    """Other characters than letters, digits, - and _ are encoded, four characters for each byte: 255 in all
    (https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets/create)."""
    files = an_agent("dev", f"github_token:{'ab.' * 40}")
    assert found(load, files) == []
    (problem,) = found(load, files, GOOGLE)
    assert "characters as an id on Google Cloud, which takes 255" in problem.message
