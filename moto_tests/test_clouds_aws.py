"""The sandbox is only another endpoint, and no key goes where it does not belong."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from moto_tests.answers import answer, success
from moto_tests.given import ACCOUNT, IMAGE, REGION
from toolkit.clouds.aws import (
    ECS_TASKS,
    LAMBDA,
    Clients,
    arn,
    check_image,
    clients_for,
    cloud_of,
    role_arn,
    translated,
)
from toolkit.core.environment import AwsCloud, Environment, Scope
from toolkit.core.errors import (
    AccessDenied,
    AlError,
    ConfigError,
    Unreachable,
)


def test_an_unreachable_endpoint_says_so(aws_cloud: AwsCloud) -> None:
    """A sandbox that is not running is told apart from a refusal."""
    gone = replace(aws_cloud, endpoint="http://127.0.0.1:1")
    with pytest.raises(Unreachable) as caught, translated("looking"):
        Clients(gone).invoker.list_functions()
    assert "al sandbox status" in caught.value.hint


def test_whoever_waits_for_an_answer_waits_a_second_at_most(aws_cloud: AwsCloud) -> None:
    """The gateway wakes itself before it answers: once, and not for long."""
    config = Clients(aws_cloud).waker.meta.config
    assert config.connect_timeout + config.read_timeout <= 1
    assert config.retries["total_max_attempts"] == 1


def test_the_sandbox_never_sees_the_users_keys(
    aws_cloud: AwsCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an endpoint of our own, the user's environment and profile are not used."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    clients = Clients(replace(aws_cloud, profile="work"))
    assert clients.session.get_credentials().access_key == "sandbox"


def test_inside_the_sandbox_a_role_has_its_own_session(
    aws_cloud: AwsCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function in the sandbox signs with its role's keys, as on Lambda."""
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ASIAROLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "session")
    assert Clients(aws_cloud).session.get_credentials().access_key == "ASIAROLE"


def test_the_way_to_the_sandbox_has_no_proxy(
    aws_cloud: AwsCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A corporate proxy must not be asked for this machine's own ports."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert Clients(aws_cloud).caller_account() == ACCOUNT


def test_a_missing_profile_says_how_to_make_it(
    aws_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment's file names a profile that this machine does not have."""
    cloud = AwsCloud(region=REGION, account=ACCOUNT, profile="work")
    with pytest.raises(ConfigError) as caught:
        Clients(cloud).client("sts")
    assert "aws configure --profile" in caught.value.hint


def test_without_credentials_the_error_says_how_to_log_in(
    aws_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No keys anywhere is AccessDenied, before any call leaves the machine."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(AccessDenied) as caught:
        Clients(AwsCloud(region=REGION, account=ACCOUNT)).caller_account()
    assert "aws sso login" in caught.value.hint


def test_the_environments_own_account_is_accepted(aws_cloud: AwsCloud) -> None:
    """moto's account is the environment's."""
    Clients(aws_cloud).check_account()


def test_another_account_is_refused(aws_cloud: AwsCloud) -> None:
    """Logged in to the wrong account, nothing is pushed there."""
    with pytest.raises(ConfigError, match=f"are of account {ACCOUNT}, the environment is in 9999"):
        Clients(replace(aws_cloud, account="999999999999")).check_account()


@pytest.fixture
def on_aws(aws_cloud: AwsCloud, monkeypatch: pytest.MonkeyPatch) -> AwsCloud:
    """An environment without an endpoint of its own, for a user who has keys; moto stands for AWS."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", str(aws_cloud.endpoint))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return replace(aws_cloud, endpoint=None)


def test_in_another_account_nothing_is_touched(on_aws: AwsCloud) -> None:
    """Every verb, not push alone: another account may well have things of the same names."""
    clients = Clients(replace(on_aws, account="999999999999"))
    with pytest.raises(ConfigError, match="the environment is in 999999999999"):
        clients.client("dynamodb")
    with pytest.raises(ConfigError, match=f"are of account {ACCOUNT}"):
        _ = clients.invoker


def test_the_account_is_asked_once(
    on_aws: AwsCloud, counted: Callable[[Clients], list[str]]
) -> None:
    """One call per process, before the first one that counts."""
    clients = Clients(on_aws)
    calls = counted(clients)
    clients.client("dynamodb").list_tables()
    clients.client("ecs").list_clusters()
    assert calls == ["sts.GetCallerIdentity", "dynamodb.ListTables", "ecs.ListClusters"]


@pytest.mark.parametrize(
    ("account", "variables"),
    [("", {}), (ACCOUNT, {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"})],
)
def test_inside_the_account_nothing_is_asked(
    on_aws: AwsCloud,
    counted: Callable[[Clients], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    account: str,
    variables: dict[str, str],
) -> None:
    """A run's container knows no account, and a function can be in no other: neither pays for a call."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    clients = Clients(replace(on_aws, account=account))
    calls = counted(clients)
    clients.client("dynamodb").list_tables()
    assert calls == ["dynamodb.ListTables"]


def test_clients_are_made_once(aws_cloud: AwsCloud) -> None:
    """One session and one client of each service per process: logging in happens once."""
    assert clients_for(aws_cloud) is clients_for(replace(aws_cloud))
    assert clients_for(aws_cloud).client("sts") is clients_for(aws_cloud).client("sts")


def test_only_the_invoker_never_sends_twice(aws_cloud: AwsCloud) -> None:
    """botocore's retries would invoke an agent again
    (https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html)."""
    clients = Clients(aws_cloud)
    attempts = [
        one.meta.config.retries["total_max_attempts"]
        for one in (clients.invoker, clients.client("lambda"))
    ]
    assert attempts == [1, 4]


def test_a_fresh_role_is_waited_for(aws_cloud: AwsCloud) -> None:
    """A role made a moment ago may be unknown to the service that is to use it
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html)."""
    clients = Clients(aws_cloud)
    clients.client("iam").create_role(RoleName="al-new", AssumeRolePolicyDocument="{}")
    answers = iter([AccessDenied("the role cannot be assumed", hint="-"), "done"])
    slept: list[float] = []
    assert (
        clients.when_assumable(
            lambda: play(answers), ["role/al-new"], service=LAMBDA, sleep=slept.append
        )
        == "done"
    )


def old_role(clients: Clients, principal: str) -> None:
    """It was made years ago, and lets this service in today."""
    iam = clients.client("iam")
    statement = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": [principal]},
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = iam.create_role(RoleName="al-old", AssumeRolePolicyDocument=trust)["Role"]
    long_ago = {"CreateDate": datetime(2020, 1, 1, tzinfo=UTC), "AssumeRolePolicyDocument": trust}
    answer(iam, "GetRole", success(Role={**role, **long_ago}))


def test_an_old_role_that_was_repaired_is_waited_for(aws_cloud: AwsCloud) -> None:
    """`al doctor -c` has just let the service in again, which spreads as slowly as a new role, and IAM does not tell
    when (https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html)."""
    clients, slept = Clients(aws_cloud), list[float]()
    old_role(clients, LAMBDA)
    answers = iter([AccessDenied("the role cannot be assumed", hint="-"), "done"])
    done = clients.when_assumable(
        lambda: play(answers), ["role/al-old"], service=LAMBDA, sleep=slept.append
    )
    assert done == "done"


def test_an_old_role_that_lets_another_service_in_is_not_waited_for(aws_cloud: AwsCloud) -> None:
    """That refusal is right, and stays."""
    clients = Clients(aws_cloud)
    old_role(clients, ECS_TASKS)
    answers = iter([AccessDenied("the role cannot be assumed", hint="-"), "done"])
    with pytest.raises(AccessDenied):
        clients.when_assumable(lambda: play(answers), ["role/al-old"], service=LAMBDA, sleep=print)


def test_a_role_that_is_not_there_is_not_waited_for(aws_cloud: AwsCloud) -> None:
    """The same words of it are a mistake, and an endless retry would hide it."""
    answers = iter([AccessDenied("the role cannot be assumed", hint="-"), "done"])
    with pytest.raises(AccessDenied):
        Clients(aws_cloud).when_assumable(
            lambda: play(answers), ["role/al-none"], service=LAMBDA, sleep=print
        )


def play(answers: Iterator[AlError | str]) -> str:
    answer = next(answers)
    if isinstance(answer, AlError):
        raise answer
    return answer


@pytest.mark.parametrize(
    ("region", "service", "expected"),
    [
        ("eu-west-1", "ecr", f"arn:aws:ecr:eu-west-1:{ACCOUNT}:x"),
        ("cn-north-1", "ecr", f"arn:aws-cn:ecr:cn-north-1:{ACCOUNT}:x"),
        ("us-gov-west-1", "ecr", f"arn:aws-us-gov:ecr:us-gov-west-1:{ACCOUNT}:x"),
        ("eu-west-1", "iam", f"arn:aws:iam::{ACCOUNT}:x"),
    ],
)
def test_arns_know_their_partition(region: str, service: str, expected: str) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html"""
    assert arn(AwsCloud(region=region, account=ACCOUNT), service, "x") == expected


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        (None, f"arn:aws:iam::{ACCOUNT}:role/ours"),
        ("theirs", f"arn:aws:iam::{ACCOUNT}:role/theirs"),
        ("arn:aws:iam::1:role/path/theirs", "arn:aws:iam::1:role/path/theirs"),
    ],
)
def test_a_role_may_be_configured_by_name_or_arn(configured: str | None, expected: str) -> None:
    """The environment's own choice wins."""
    assert role_arn(AwsCloud(region=REGION, account=ACCOUNT), configured, "ours") == expected


@pytest.mark.parametrize(
    "image",
    [
        IMAGE.replace(REGION, "eu-west-1"),
        IMAGE.split("@")[0] + ":latest",
        f"public.ecr.aws/al/dev@sha256:{'a' * 64}",
        f"docker.io/al/dev@sha256:{'a' * 64}",
        f"{ACCOUNT}.dkr.ecr-fips.{REGION}.amazonaws.com/al@sha256:{'a' * 64}",
    ],
)
def test_an_image_from_elsewhere_is_refused(image: str) -> None:
    """Lambda takes private ECR repositories of its own region only, no tag pins anything, and there is no FIPS
    host (https://docs.aws.amazon.com/lambda/latest/dg/images-create.html)."""
    with pytest.raises(ConfigError):
        check_image(AwsCloud(region=REGION, account=ACCOUNT), image)


def test_another_accounts_repository_is_accepted() -> None:
    """With a repository policy Lambda and Fargate pull from it."""
    check_image(AwsCloud(region=REGION, account="999999999999"), IMAGE)


def test_an_environment_without_aws_says_so() -> None:
    """An AWS plug-in in a local environment is a configuration error, not a crash."""
    local = Environment(name="local", scope=Scope(project="p", environment="local"))
    with pytest.raises(ConfigError, match="'local' is not on AWS"):
        cloud_of(local)
