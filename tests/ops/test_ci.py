"""`al ci init github`: what is decided, what is written, what is said to be done."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from infra.desired import operator
from infra.reconcile.policy import Need, possible
from tests.ops.checkouts import CLOUD, ENVIRONMENT, project, repository
from tests.pages import refusal
from toolkit.core.environment import AwsCloud, Environment, Scope
from toolkit.core.errors import AlreadyExists, ConfigError, UsageError
from toolkit.ops import ci
from toolkit.ops.ci import Wish

IAM = {
    "create-open-id-connect-provider": "CreateOpenIDConnectProvider",
    "create-role": "CreateRole",
    "put-role-policy": "PutRolePolicy",
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of one's own, and nothing else that says which environment is meant."""
    monkeypatch.setenv("AL_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("AL_ENV", raising=False)
    monkeypatch.delenv("AL_ENVIRONMENT_TOML", raising=False)
    return tmp_path / "home"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return repository(project(tmp_path / "shop"))


def made(shop: Path, **wish: Any) -> ci.Written:
    return ci.github(shop, Wish(**{"env": "production", "install": "x[aws,infra]", **wish}))


# what is written


def test_the_workflow_is_written_into_the_root_of_the_repository(tmp_path: Path) -> None:
    """GitHub looks nowhere else."""
    shop = project(tmp_path / "services" / "shop")
    repository(tmp_path)
    written = made(shop)
    assert written.path == tmp_path.resolve() / ".github" / "workflows" / "al-deploy.yml"
    assert 'working-directory: "services/shop"' in written.path.read_text()


def test_writing_it_again_says_that_nothing_changed(shop: Path) -> None:
    """The same facts, the same file."""
    assert [made(shop).outcome, made(shop).outcome] == ["created", "unchanged"]


def test_another_workflow_is_kept_unless_forced(shop: Path) -> None:
    """It may have been edited by hand."""
    path = made(shop).path
    path.write_text("mine\n")
    with pytest.raises(AlreadyExists) as refused:
        made(shop)
    assert "--force" in refused.value.hint
    assert path.read_text() == "mine\n"
    assert made(shop, force=True).outcome == "replaced"


def test_two_environments_have_two_files(shop: Path) -> None:
    """Staging beside production."""
    (shop / "environments/staging.toml").write_text(ENVIRONMENT)
    made(shop)
    assert made(shop, env="staging", file="al-staging.yml").outcome == "created"


@pytest.mark.parametrize("file", ["../x.yml", "a/b.yml", "x.txt", ".yml", ""])
def test_a_file_that_is_no_workflow_is_refused(shop: Path, file: str) -> None:
    """Nothing is written outside of .github/workflows."""
    with pytest.raises(UsageError, match="not the name of a workflow"):
        made(shop, file=file)


def test_without_a_git_repository_the_option_is_named(tmp_path: Path) -> None:
    """And with it, the workflow is written beside the project's files."""
    shop = project(tmp_path / "shop")
    with pytest.raises(UsageError) as refused:
        made(shop)
    assert "--repo" in refused.value.hint
    assert made(shop, repo="octo/shop").path.parent == shop / ".github" / "workflows"


# where to


@pytest.mark.parametrize("env", ["local", "sandbox"])
def test_an_environment_of_this_machine_is_refused(shop: Path, env: str) -> None:
    """CI has no part in it."""
    with pytest.raises(UsageError, match="on this machine"):
        made(shop, env=env)
    assert not (shop / ".github").exists()


def test_an_unknown_environment_is_a_mistake_of_use(shop: Path) -> None:
    """Exit code 2, with the known ones."""
    with pytest.raises(ConfigError, match="production"):
        made(shop, env="prod")


@pytest.mark.parametrize("branch", ["", "*", "release/**", "main'", "a b", "a..b", "-x", "${{x}}", "main\n", "!main"])  # fmt: skip
def test_a_branch_that_is_a_pattern_or_worse_is_refused(shop: Path, branch: str) -> None:
    """It stands in a condition, in a filter and in the trust policy."""
    with pytest.raises(UsageError, match="not one branch"):
        made(shop, branch=branch)


def test_a_branch_may_be_given_by_its_full_name(shop: Path) -> None:
    """As git and GitHub's own variables write it; a tag is no branch."""
    assert made(shop, branch="refs/heads/main").deployment.branch == "main"
    with pytest.raises(UsageError, match="no branch"):
        made(shop, branch="refs/tags/v1")


@pytest.mark.parametrize("option", ["repo", "role", "ids", "install"])
def test_an_empty_option_is_refused(shop: Path, option: str) -> None:
    """It comes of a variable that is not set; the default would be something else than was meant."""
    with pytest.raises(UsageError, match=f"--{option} is empty"):
        made(shop, **{option: ""})


# the role


def role(shop: Path, **wish: Any) -> str:
    return str(made(shop, force=True, **wish).deployment.role)


def test_the_role_s_name_is_not_one_of_those_that_it_may_change(shop: Path) -> None:
    """Whoever deploys may rewrite al-PROJECT-ENVIRONMENT-*: with such a name CI could give itself everything."""
    assert role(shop) == "arn:aws:iam::123456789012:role/ci-al-shop-production"
    with pytest.raises(UsageError, match="would change its own"):
        made(shop, role="al-shop-production-ci")
    with pytest.raises(UsageError, match="would change its own"):
        made(shop, role="arn:aws:iam::123456789012:role/ours/al-shop-production-ci")


@pytest.mark.parametrize(
    "action", ["iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:PassRole"]
)  # fmt: skip
def test_whoever_deploys_cannot_change_the_role_of_ci(action: str) -> None:
    """By the very policies that it is told to have, whatever the conditions of a request are."""
    scope = Scope(project="shop", environment="production")
    cloud = AwsCloud(region="eu-central-1", account="123456789012")
    environment = Environment(name="production", scope=scope, cloud=cloud)
    documents = [json.dumps(document) for document in operator.policies(environment).values()]
    of_ci = "arn:aws:iam::123456789012:role/ci-al-shop-production"
    assert not possible(documents, Need(action=action, resource=of_ci))
    assert not possible(documents, Need(action=action, resource=f"{of_ci}-plan"))


def test_a_role_may_be_named_or_given_by_its_arn(shop: Path) -> None:
    """Of this account."""
    assert role(shop, role="deployer") == "arn:aws:iam::123456789012:role/deployer"
    arn = "arn:aws:iam::123456789012:role/ci/deployer"
    assert role(shop, role=arn) == arn
    with pytest.raises(UsageError, match="account 210987654321"):
        made(shop, role="arn:aws:iam::210987654321:role/deployer")


@pytest.mark.parametrize("name", ["a b", "*", "a" * 65, "arn:aws:iam::1:role/x", 'x"'])
def test_what_is_no_role_is_refused(shop: Path, name: str) -> None:
    """By IAM's own rule for names (API reference, CreateRole)."""
    with pytest.raises(UsageError, match="neither a role's name nor its ARN"):
        made(shop, role=name)


# numbers of the repository


def test_numbers_come_into_the_trust_policy(shop: Path) -> None:
    """And without them it is said how to find out."""
    (trust,) = made(shop, ids="1/2").to_dict()["trust"].values()
    (equals,) = [s["Condition"]["StringEquals"] for s in trust["Statement"]]
    assert equals["token.actions.githubusercontent.com:repository_id"] == "2"
    assert "gh api repos/octo/shop" in made(shop, force=True).steps[0].commands[0]
    assert "gh api repos/octo/shop " not in made(shop, ids="1/2").steps[0].commands[0]


@pytest.mark.parametrize("ids", ["1", "1/*", "octo/shop", "1/2/3", "²/1"])
def test_numbers_that_are_none_are_refused(shop: Path, ids: str) -> None:
    """No wildcard comes into a subject this way either."""
    with pytest.raises(UsageError, match="not two numbers"):
        made(shop, ids=ids)


def test_a_server_of_ones_own_has_no_numbers_and_no_plans(shop: Path) -> None:
    """Neither could be pinned there."""
    with pytest.raises(UsageError, match="on github"):
        made(shop, repo="git.example.com/octo/shop", ids="1/2")
    with pytest.raises(UsageError, match="pull requests"):
        made(shop, repo="git.example.com/octo/shop", plan_on_pr=True)


# what is installed


@pytest.mark.parametrize("install", ["--index-url x y", "-e .", "", "a\nb", "a ${{ secrets.X }}", "-r "])  # fmt: skip
def test_what_pip_would_not_take_as_one_requirement_is_refused(shop: Path, install: str) -> None:
    """Options of pip's least of all."""
    with pytest.raises(UsageError, match="one requirement"):
        ci.github(shop, Wish(env="production", install=install or " "))


def test_a_password_in_an_address_is_refused_and_not_repeated(shop: Path) -> None:
    """The workflow is committed."""
    with pytest.raises(UsageError, match="password") as refused:
        made(shop, install="al-toolkit[aws,infra] @ git+https://me:s3cret@example.com/x")
    assert "s3cret" not in refused.value.message + refused.value.hint


def test_without_a_word_the_installed_version_is_meant_and_doubted(shop: Path) -> None:
    """Nobody promises that an index has it."""
    written = made(shop, install=None)
    assert written.deployment.install.startswith("al-toolkit[aws,infra]")
    assert "--install" in " ".join(written.warnings)
    assert "extras" in " ".join(made(shop, install="al-toolkit", force=True).warnings)


# what CI will not see


def test_a_committed_project_is_seen_whole(shop: Path) -> None:
    """Nothing to warn of."""
    assert made(shop).warnings == ()


def test_a_file_that_git_does_not_know_is_named(shop: Path, home: Path) -> None:
    """Whether it is new, or only in the home directory of whoever asks."""
    (shop / "environments/staging.toml").write_text(ENVIRONMENT)
    assert "git add" in made(shop, env="staging").warnings[0]
    (home / "environments").mkdir(parents=True)
    (home / "environments/mine.toml").write_text(ENVIRONMENT)
    assert "commit it" in made(shop, env="mine", force=True).warnings[0]


def test_what_only_this_machine_says_is_named(shop: Path, home: Path) -> None:
    """A profile, another name of the project, another setting."""
    text = ENVIRONMENT.replace(CLOUD, f'{CLOUD}profile = "work"\n')
    (shop / "environments/production.toml").write_text(text)
    (shop / "config.toml").write_text("")
    (shop / ".env.toml").write_text('projectName = "store"\n')
    (home / "environments").mkdir(parents=True)
    (home / "environments/production.toml").write_text("[cloud]\nassignPublicIp = false\n")
    warnings = made(shop).warnings
    assert [w for w in warnings if "'shop'" in w and "'store'" in w]
    assert [w for w in warnings if "profile 'work'" in w]
    assert [w for w in warnings if "assign public ip" in w]


def test_what_pulumi_would_not_find_there_is_named(shop: Path) -> None:
    """A directory is lost with the job, a program is not there, a passphrase is one more secret."""
    with (shop / "environments/production.toml").open("a") as file:
        file.write('[pulumi]\nbackend = "state"\nroot = "/opt"\nsecretsProvider = "passphrase"\n')
    said = " ".join(made(shop).warnings)
    assert "'state' is a directory" in said
    assert "no Pulumi in '/opt'" in said
    assert "PULUMI_CONFIG_PASSPHRASE" in said


def test_a_project_that_ci_would_refuse_is_said_to_be(shop: Path) -> None:
    """Every problem, before the first run and not in it."""
    (shop / "agents/hello/config.toml").write_text('models = ["m"]\n')
    (shop / ".env.toml").write_text('[models.m]\nprovider = "anthropic"\nmodel = "claude"\n')
    assert [w for w in made(shop).warnings if "CI will refuse" in w and "agents/hello" in w]


# what is left to do


def iam_calls(written: ci.Written) -> list[list[str]]:
    said = [shlex.split(c) for step in written.steps for c in step.commands]
    return [words[2:] for words in said if words[:2] == ["aws", "iam"]]


def test_every_command_of_the_aws_cli_exists(shop: Path) -> None:
    """Operation and options, by the service's own model."""
    model = botocore.session.get_session().get_service_model("iam")
    for operation, *options in iam_calls(made(shop, plan_on_pr=True)):
        shape = model.operation_model(IAM[operation]).input_shape
        given = {o.removeprefix("--").replace("-", "") for o in options if o.startswith("--")}
        known = {name.lower() for name in shape.members}
        assert given <= {*known, "clientidlist"}, operation
        assert {name.lower() for name in shape.required_members} <= given, operation


def test_every_call_of_al_is_one_that_al_takes(shop: Path) -> None:
    """Also the one whose output the AWS CLI gets."""
    said = "\n".join(c for step in made(shop).steps for c in step.commands)
    calls = [call.split() for call in re.findall(r"(?:^|\$\()al ([^)\n]+)", said, re.MULTILINE)]
    assert [" ".join(call) for call in calls] == [
        "doctor -E production --operator-policy deploy",
        "push -E production",
    ]
    assert [refusal(call, whole=True) for call in calls] == ["", ""]


def test_the_documents_in_the_commands_are_the_ones_that_are_told(shop: Path) -> None:
    """They are pasted into a shell: what arrives there is JSON."""
    written = made(shop, plan_on_pr=True)
    created = {
        words[words.index("--role-name") + 1]: json.loads(
            words[words.index("--assume-role-policy-document") + 1]
        )
        for words in iam_calls(written)
        if words[0] == "create-role"
    }
    told = {arn.rpartition("/")[2]: trust for arn, trust in written.to_dict()["trust"].items()}
    assert created == told
    assert set(told) == {"ci-al-shop-production", "ci-al-shop-production-plan"}


def test_a_role_with_a_path_is_made_there(shop: Path) -> None:
    """Else the workflow would ask for another one."""
    calls = iam_calls(made(shop, role="arn:aws:iam::123456789012:role/ci/deep/x"))
    (create,) = [words for words in calls if words[0] == "create-role"]
    assert (create[create.index("--path") + 1], create[create.index("--role-name") + 1]) == (
        "/ci/deep/",
        "x",
    )


def test_a_server_of_ones_own_is_told_to_name_the_branch_in_subjects(shop: Path) -> None:
    """The trust policy there has no other way to see it."""
    written = made(shop, repo="git.example.com/octo/shop")
    said = " ".join(c for step in written.steps for c in step.commands)
    assert "gh api --hostname git.example.com --method PUT" in said
    assert "include_claim_keys[]=ref" in said


def test_nothing_that_is_left_to_do_grants_anything_by_itself(shop: Path) -> None:
    """`al` is in two commands: one prints a policy, the other pushes what the user pushes."""
    commands = [c for step in made(shop, plan_on_pr=True).steps for c in step.commands]
    assert [c for c in commands if c.startswith("al ")] == ["al push -E production"]
    assert all(c.startswith(("aws iam ", "gh api ", "al push ")) for c in commands)
