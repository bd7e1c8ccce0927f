"""Which environment is meant, and what it becomes."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from toolkit.config.environments import choose_environment, in_sandbox, sandbox_cloud
from toolkit.core.aws_limits import RETENTION_DAYS
from toolkit.core.environment import AwsCloud, GcpCloud, Scope
from toolkit.core.errors import ConfigError

from .conftest import Load

Problems = Callable[..., list[str]]
PROD = "environments/prod.toml"
RUNNER = "runner@my-project.iam.gserviceaccount.com"
AWS = '[cloud]\nprovider = "ecs"\nregion = "eu-central-1"\naccountId = "123456789012"\n'
GOOGLE = '[cloud]\nprovider = "cloud-run"\nproject = "acme-prod"\nregion = "europe-west1"\nartifactRegistry = "images"\n'
CHOICES = [
    ("flag", "variable", "file", ("flag", "--env")),
    (None, "variable", "file", ("variable", "AL_ENV")),
    (None, None, "file", ("file", ".env.toml")),
    (None, "", "file", ("file", ".env.toml")),
    (None, None, None, ("local", "default")),
]


@pytest.mark.parametrize(("flag", "variable", "file", "chosen"), CHOICES)
def test_the_flag_beats_the_variable_beats_the_file(
    tmp_path: Path,
    flag: str | None,
    variable: str | None,
    file: str | None,
    chosen: tuple[str, str],
) -> None:
    """-E, AL_ENV, `environment` in .env.toml, local; and who said so.  An empty variable says nothing."""
    (tmp_path / ".env.toml").write_text(f'environment = "{file}"\n' if file else "")
    variables = {} if variable is None else {"AL_ENV": variable}
    assert choose_environment(flag, variables, tmp_path) == chosen


@pytest.mark.parametrize("name", ["Prod", "-a", "a-", "../x", "a/b", "x" * 51])
def test_an_environment_s_name_is_checked_before_a_file_is_looked_for(
    tmp_path: Path, name: str
) -> None:
    """It becomes part of a path and of cloud names."""
    with pytest.raises(ConfigError, match="is not an environment name"):
        choose_environment(name, {}, tmp_path)


def test_an_unknown_environment_is_answered_with_the_known_ones(load: Load) -> None:
    """And with how to make one."""
    with pytest.raises(ConfigError, match="known: local, sandbox, sandbox-gcp, prod") as refused:
        load({PROD: AWS}, "prd")
    assert refused.value.hint == "did you mean 'prod'? or make it with `al env init prd -t ecs`"


def test_local_has_no_cloud(load: Load) -> None:
    """This machine, under the project's name."""
    found = load({}, "local").environment
    assert (found.cloud, found.scope) == (None, Scope(project="demo", environment="local"))


def test_an_aws_environment_has_everything_that_its_file_says(load: Load) -> None:
    """Every key of [cloud] that the core knows."""
    text = AWS + (
        'profile = "work"\necs_cluster = "c"\nexecutionRoleArn = "e"\ntaskRoleArn = "t"\n'
        'lambdaRoleArn = "l"\nsubnets = ["s"]\nsecurityGroups = ["g"]\nlambdaSubnets = ["ls"]\n'
        'lambdaSecurityGroups = ["lg"]\nassignPublicIp = false\nlambda = "never"\nkeepImages = 7\n'
        'logRetentionDays = 90\nnameScope = "legacy"\nawsSecretPrefix = "x"\n'
        '[images]\nbase = "b"\n[pulumi]\nsecretsProvider = "k"\n[gateway]\nurl = "https://g.example"\n'
    )
    found = load({PROD: text}, "prod").environment
    assert found.cloud == AwsCloud(
        region="eu-central-1",
        account="123456789012",
        profile="work",
        cluster="c",
        execution_role="e",
        task_role="t",
        lambda_role="l",
        subnets=("s",),
        security_groups=("g",),
        lambda_subnets=("ls",),
        lambda_security_groups=("lg",),
        assign_public_ip=False,
        use_lambda=False,
    )
    assert (found.keep_images, found.log_retention_days) == (7, 90)
    assert found.scope == Scope(project="demo", environment="prod", prefix="x", legacy_names=True)
    assert (found.images, found.pulumi) == ({"base": "b"}, {"secretsProvider": "k"})
    assert found.gateway_url == "https://g.example"


@pytest.mark.parametrize("path", ["al-images", "europe-west1-docker.pkg.dev/acme-prod/al-images"])
@pytest.mark.parametrize("project", ["project", "gcpProject", "gcp_project"])
def test_both_google_schemas_are_read(load: Load, path: str, project: str) -> None:
    """`project` and `gcpProject`; the registry's name and its whole path."""
    text = (
        f'[cloud]\nprovider = "cloud-run"\n{project} = "acme-prod"\nregion = "europe-west1"\nservice_account = "{RUNNER}"\n'
        f'artifact_registry = "{path}"\n'
    )
    found = load({PROD: text}, "prod").environment.cloud
    assert found == GcpCloud(
        project="acme-prod", region="europe-west1", repository="al-images", service_account=RUNNER
    )


def test_a_google_environment_needs_a_project_and_a_region_alone(load: Load) -> None:
    """Push makes a repository of the environment's own; the gateway has an instance only while it is asked."""
    text = '[cloud]\nprovider = "cloud-run"\nproject = "acme-prod"\nregion = "europe-west1"\n'
    found = load({PROD: text}, "prod").environment.cloud
    assert found == GcpCloud(
        project="acme-prod", region="europe-west1", repository="al-demo-prod-images"
    )
    assert isinstance(found, GcpCloud)
    warm = load({PROD: text + "minInstances = 2\n"}, "prod").environment.cloud
    assert warm == replace(found, min_instances=2)


def test_a_region_that_is_not_known_is_doubted_and_taken(load: Load) -> None:
    """Google opens new ones (https://cloud.google.com/run/docs/locations)."""
    loaded = load({PROD: GOOGLE.replace("europe-west1", "europe-wst1")}, "prod")
    assert isinstance(loaded.environment.cloud, GcpCloud)
    (warning,) = [w for w in loaded.project.warnings if "europe-wst1" in str(w)]
    assert "europe-west1" in str(warning)


def test_the_account_is_read_from_the_repository(load: Load) -> None:
    """As the predecessor did."""
    text = AWS.replace(
        'accountId = "123456789012"',
        'ecrRepository = "210987654321.dkr.ecr.eu-central-1.amazonaws.com/al-images"',
    )
    found = load({PROD: text}, "prod").environment.cloud
    assert isinstance(found, AwsCloud)
    assert found.account == "210987654321"


def test_an_account_may_be_written_as_a_number(load: Load) -> None:
    """Quotes are easily forgotten."""
    found = load({PROD: AWS.replace('"123456789012"', "123456789012")}, "prod").environment.cloud
    assert isinstance(found, AwsCloud)
    assert found.account == "123456789012"


WRONG = [
    (
        '[cloud]\nprovider = "ecs"\nregion = "r"\n',
        "→ write accountId = '123456789012', or ecrRepository = '123456789012.dkr.ecr.REGION.",
    ),
    (
        '[cloud]\nprovider = "ecs"\naccountId = "123456789012"\n',
        "cloud.region: is required → add region = '...' (or awsRegion) to [cloud]",
    ),
    (AWS.replace("012", ""), "cloud.accountId: '123456789' is not an account id"),
    (
        AWS + 'ecrRepository = "210987654321.dkr.ecr.eu-central-1.amazonaws.com/x"\n',
        "cloud.accountId: '123456789012' is not the account of ecrRepository",
    ),
    (AWS + 'ecrRepository = "docker.io/x"\n', "cloud.ecrRepository: is not an ECR repository"),
    (AWS.replace("ecs", "gke"), "cloud.provider: 'gke' is not one of its values → use one of: "),
    (AWS + 'gcpProject = "acme-prod"\n', "cloud.project: is a key of provider 'cloud-run'"),
    (GOOGLE + "subnets = ['s']\n", "cloud.subnets: is a key of provider 'ecs'"),
    (GOOGLE.replace('region = "europe-west1"\n', ""), "cloud.region: is required"),
    (GOOGLE.replace('project = "acme-prod"\n', ""), "cloud.project: is required"),
    (GOOGLE.replace("acme-prod", "My Project"), "'My Project' is no project's id"),
    (GOOGLE.replace("acme-prod", "123456789012"), "'123456789012' is no project's id"),
    (GOOGLE.replace("europe-west1", "europe-west1-b"), "'europe-west1-b' is no region of Google's"),
    (GOOGLE.replace("europe-west1", "EU"), "'EU' is no region of Google's"),
    (
        GOOGLE.replace('"images"', '"My_Images"'),
        "cloud.artifactRegistry: 'My_Images' is no repository's id",
    ),
    (
        GOOGLE.replace('"images"', '"q-docker.pkg.dev/p/i"'),
        "cloud.artifactRegistry: is not in europe-west1-docker.pkg.dev/acme-prod",
    ),
    (
        GOOGLE + "serviceAccount = 'runner'\n",
        "cloud.serviceAccount: is not the e-mail of a service account",
    ),
    (GOOGLE + "minInstances = -1\n", "cloud.minInstances: "),
    (AWS + "minInstances = 1\n", "cloud.minInstances: is a key of provider 'cloud-run'"),
    (AWS.replace("123456789012", "REPLACE_ME"), "cloud.accountId: is still a placeholder"),
    (AWS + '[images]\nbase = "REPLACE_ME"\n', "images.base: is still a placeholder"),
    (
        AWS + '[images]\nbuilder = "cloudbuild"\n',
        "images.builder: 'cloudbuild' is Google's, and pushes to no other cloud's registry → use 'codebuild', or",
    ),
    (
        GOOGLE + '[images]\nbuilder = "codebuild"\n',
        "images.builder: 'codebuild' is AWS's, and pushes to no other cloud's registry → use 'cloudbuild', or",
    ),
    ('[server]\nhost = ""\n', "server.host: must not be empty"),
    ('[server]\nhost = "h"\n', "server: deploying to a machine over SSH is not in this release"),
    (AWS + '[server]\nhost = "h"\n', "server: stands beside [cloud] → keep one of the two tables"),
    (AWS + "name = 'x'\n", "unknown key"),
    ('name = "x"\n' + AWS, "name: does not belong in an environment file → move it to config.toml"),
    ('environment = "x"\n' + AWS, "environment: does not belong in an environment file"),
    (AWS + "lambda = 'no'\n", "cloud.lambda: 'no' is not one of its values"),
    (AWS + "keepImages = 0\n", "cloud.keepImages: must be at least 1"),
]


@pytest.mark.parametrize(("text", "expected"), WRONG)
def test_a_wrong_environment_is_refused_with_its_file(
    problems: Problems, text: str, expected: str
) -> None:
    """Before anything is deployed."""
    found = [line for line in problems({PROD: text}, "prod") if expected in line]
    assert len(found) == 1
    assert found[0].startswith(PROD)


def test_a_repository_of_another_region_is_refused(problems: Problems) -> None:
    """Lambda takes images from ECR in its own Region only.

    https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
    """
    text = AWS + 'ecrRepository = "123456789012.dkr.ecr.us-east-1.amazonaws.com/x"\n'
    (line,) = problems({PROD: text}, "prod")
    assert "cloud.ecrRepository: is in us-east-1, the environment in eu-central-1" in line


@pytest.mark.parametrize(
    ("key", "most"),
    [("subnets", 16), ("securityGroups", 5), ("lambdaSubnets", 16), ("lambdaSecurityGroups", 5)],
)
def test_a_network_has_at_most_16_subnets_and_5_groups(
    load: Load, problems: Problems, key: str, most: int
) -> None:
    """awsvpcConfiguration of ECS and VpcConfig of Lambda.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html
    https://docs.aws.amazon.com/lambda/latest/api/API_VpcConfig.html
    """
    load({PROD: AWS + f"{key} = {['x'] * most}\n"}, "prod")
    (line,) = problems({PROD: AWS + f"{key} = {['x'] * (most + 1)}\n"}, "prod")
    assert f"cloud.{key}: has more than {most} entries" in line


@pytest.mark.parametrize(("days", "kept"), [(45, 60), (1, 1), (30, 30), (8, 14), (9999, 3653)])
def test_retention_is_rounded_up_to_what_cloudwatch_can_keep(
    load: Load, days: int, kept: int
) -> None:
    """PutRetentionPolicy takes a fixed list of days.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
    """
    loaded = load({PROD: AWS + f"logRetentionDays = {days}\n"}, "prod")
    warned = any("cloud.logRetentionDays" in line for line in loaded.project.warnings)
    assert (loaded.environment.log_retention_days, warned) == (kept, days not in RETENTION_DAYS)


def test_google_keeps_logs_for_any_number_of_days(load: Load) -> None:
    """Cloud Logging has no fixed list."""
    found = load({PROD: GOOGLE + "logRetentionDays = 45\n"}, "prod")
    assert (found.environment.log_retention_days, found.project.warnings) == (45, ())


def test_the_sandbox_keeps_logs_as_cloudwatch_would(load: Load) -> None:
    """A rehearsal takes what the real thing takes."""
    found = load({"environments/sandbox.toml": AWS + "logRetentionDays = 45\n"}, "sandbox")
    assert found.environment.log_retention_days == 60


def test_the_text_for_ci_needs_no_file(load: Load) -> None:
    """AL_ENVIRONMENT_TOML is an environment file in a variable."""
    loaded = load({}, "ci", variables={"AL_ENVIRONMENT_TOML": AWS})
    assert isinstance(loaded.environment.cloud, AwsCloud)
    assert loaded.settings.origin_of("cloud.region") == "AL_ENVIRONMENT_TOML"


def test_the_text_for_ci_does_not_speak_for_the_sandbox(load: Load) -> None:
    """A real account's settings stay out of a rehearsal."""
    variables = {"AL_ENVIRONMENT_TOML": AWS + '[gateway]\nurl = "https://real.example"\n'}
    found = load({}, "sandbox", variables=variables).environment
    assert found.gateway_url is None
    assert isinstance(found.cloud, AwsCloud)
    assert found.cloud.region == "us-east-1"


def test_an_environment_without_a_cloud_is_this_machine(load: Load) -> None:
    """A file may only change settings."""
    found = load({PROD: "[local]\ntimeout = 60\n"}, "prod")
    assert (found.environment.cloud, found.project.agents[0].timeout) == (None, 60)


def test_a_model_on_the_bare_host_is_the_user_s_choice(load: Load) -> None:
    """[local] runtime = "process"."""
    assert load({}).environment.local_process is False
    assert load({".env.toml": '[local]\nruntime = "process"\n'}).environment.local_process is True


STATE = {
    "aws": {"endpoint": "http://127.0.0.1:5001", "region": "us-east-1", "account": "123456789012"},
    "registry": "127.0.0.1:5002",
}


def test_a_sandbox_that_does_not_run_is_nowhere_near_aws(load: Load) -> None:
    """Without its addresses, nothing answers; never AWS itself."""
    cloud = load({}, "sandbox").environment.cloud
    assert isinstance(cloud, AwsCloud)
    assert (cloud.account, cloud.region) == ("123456789012", "us-east-1")
    assert (cloud.endpoint, cloud.registry) == ("http://127.0.0.1:9", "127.0.0.1:9")


def test_a_running_sandbox_is_found_by_its_state_file(load: Load) -> None:
    """<home>/sandbox/state.json has its addresses."""
    home_files = {"sandbox/state.json": json.dumps(STATE)}
    cloud = load({}, "sandbox", home_files=home_files).environment.cloud
    assert cloud == sandbox_cloud(STATE)


def test_a_sandbox_s_state_can_be_handed_in(load: Load) -> None:
    """By whoever has just started it."""
    assert load({}, "sandbox", sandbox=STATE).environment.cloud == sandbox_cloud(STATE)


@pytest.mark.parametrize(
    "text", ["{", "[]", "7", "{}", '{"aws": 1}', '{"aws": {"region": 1}, "registry": "x"}']
)
def test_a_damaged_state_file_says_what_to_do(load: Load, text: str) -> None:
    """Not a traceback from the JSON parser, or from what trusted it."""
    with pytest.raises(ConfigError, match="is damaged"):
        load({}, "sandbox", home_files={"sandbox/state.json": text})


def test_the_sandbox_takes_over_what_shapes_a_deployment(load: Load) -> None:
    """Prefix, name scope, retention and the choice of runtime; no id of a real account."""
    text = AWS + 'lambda = "never"\nsubnets = ["s"]\nsecretPrefix = "x"\n'
    found = load({"environments/sandbox.toml": text}, "sandbox", sandbox=STATE).environment
    assert isinstance(found.cloud, AwsCloud)
    assert (found.scope.prefix, found.cloud.use_lambda) == ("x", False)
    assert (found.cloud.subnets, found.cloud.account) == ((), "123456789012")


def test_an_environment_moves_into_a_sandbox(load: Load) -> None:
    """Its settings stay, its addresses are the sandbox's."""
    found = in_sandbox(load({PROD: AWS + "keepImages = 9\n"}, "prod").environment, STATE)
    assert isinstance(found.cloud, AwsCloud)
    assert (found.cloud.endpoint, found.keep_images) == ("http://127.0.0.1:5001", 9)
