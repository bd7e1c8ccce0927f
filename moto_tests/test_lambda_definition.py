"""What Lambda is asked to run: limits that are checked before AWS is asked, and a role that reaches little."""

import json
from dataclasses import replace

import pytest

from moto_tests.given import ACCOUNT, IMAGE, REGION, agent, with_cloud
from runtimes import _lambda_definition as wanted
from runtimes.aws_lambda import AwsLambda
from toolkit.core.errors import ConfigError
from toolkit.core.ports import Context
from toolkit.core.units import MIB


@pytest.mark.parametrize(
    ("timeout", "sentence"),
    [
        (1, None),
        (899, None),
        (900, None),
        (901, "a timeout of 901 s: Lambda takes 1 to 900"),
        (0, "a timeout of 0 s: Lambda takes 1 to 900"),
    ],
)
def test_a_timeout_is_at_most_900_seconds(
    aws_context: Context, timeout: int, sentence: str | None
) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html; the client library checks no maximum,
    and the emulator takes 901."""
    expected = [sentence] if sentence else []
    assert AwsLambda(aws_context).check(agent(timeout=timeout)) == expected


@pytest.mark.parametrize(
    ("megabytes", "accepted"),
    [(127, False), (128, True), (3008, True), (10_240, True), (10_241, False)],
)
def test_memory_is_128_to_10240_megabytes(
    aws_context: Context, megabytes: int, accepted: bool
) -> None:
    """The service's model says 32,768, which is for managed instances
    (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html); new accounts have less."""
    found = AwsLambda(aws_context).check(agent(memory=megabytes * MIB))
    assert found == [] if accepted else "128 to 10240, and no more than 3008 in many" in found[0]


@pytest.mark.parametrize(
    "name", ["X", "_X", "1AB", "A-B", "AWS_REGION", "AWS_LAMBDA_RUNTIME_API", "TZ", "_HANDLER"]
)
def test_a_variable_that_lambda_refuses_is_found(name: str) -> None:
    """At least two characters, a letter first, and none that Lambda sets itself
    (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html)."""
    assert wanted.variable_refusals({name: "x"})


def test_variables_have_4_kb_together() -> None:
    """Names and values, as the JSON that they are sent as (same page)."""
    fits = {"NAME": "x" * (4096 - len('{"NAME": ""}'))}
    assert wanted.variable_refusals(fits) == []
    assert wanted.variable_refusals({"NAME": fits["NAME"] + "x"}) == [
        "the variables have 4097 bytes, Lambda takes 4096"
    ]


def test_names_and_network_are_checked(aws_context: Context) -> None:
    """Names without a dot; 16 subnets and 5 security groups (API reference, VpcConfig)."""
    scope = replace(aws_context.environment.scope, project="my.shop")
    context = replace(aws_context, environment=replace(aws_context.environment, scope=scope))
    context = with_cloud(context, lambda_subnets=("s",) * 17, lambda_security_groups=("g",) * 6)
    assert AwsLambda(context).check(agent()) == [
        "'al-my.shop-staging-dev' is no function name: use letters, digits, - and _",
        "the environment names 17 lambdaSubnets, Lambda takes 16",
        "the environment names 6 lambdaSecurityGroups, Lambda takes 5",
    ]


def test_a_long_name_is_shortened_to_what_lambda_takes(aws_context: Context) -> None:
    """Function names have at most 64 characters (API reference, CreateFunction)."""
    item = AwsLambda(aws_context).definition(agent("a" * 64), IMAGE)
    assert len(item.name) <= 64


def test_the_definition_is_the_whole_request(aws_context: Context) -> None:
    """An image by digest, its own role and log group, and no runtime, handler or layers, which images cannot have
    (https://docs.aws.amazon.com/lambda/latest/dg/images-create.html)."""
    item = AwsLambda(aws_context).definition(agent(timeout=300), IMAGE)
    assert dict(item.attributes) | {"Environment": {}} == {
        "FunctionName": "al-shop-staging-dev",
        "PackageType": "Image",
        "Code": {"ImageUri": IMAGE},
        "Role": f"arn:aws:iam::{ACCOUNT}:role/al-shop-staging-dev-lambda-role",
        "Timeout": 310,
        "MemorySize": 512,
        "Architectures": ["x86_64"],
        "Environment": {},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/al-shop-staging-dev"},
        "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
        "Publish": False,
    }


def test_the_definition_knows_no_run_and_no_secret(aws_context: Context) -> None:
    """Everything that differs between runs is in the payload: an unchanged function serves them all."""
    variables = AwsLambda(aws_context).definition(agent(), IMAGE).attributes["Environment"]
    assert variables["Variables"] == {
        "AL_AGENT": "dev",
        "AL_CREDENTIALS_PATH": "/tmp/credentials",  # noqa: S108
        "AL_ENVIRONMENT": "staging",
        "AL_PLATFORM": "aws",
        "AL_PROJECT": "shop",
        "AL_REGION": REGION,
        "AL_RUNTIME": "aws_lambda",
        "AL_TABLE": "al-shop-staging",
        "HOME": "/tmp",  # noqa: S108
    }


def test_an_agent_that_lambda_refuses_is_not_defined(aws_context: Context) -> None:
    """The refusal comes before AWS is asked."""
    with pytest.raises(ConfigError, match="a timeout of 901 s"):
        AwsLambda(aws_context).definition(agent(timeout=901), IMAGE)


def test_an_image_of_another_region_is_not_defined(aws_context: Context) -> None:
    """`Source image is not valid` would be all that AWS says."""
    with pytest.raises(ConfigError, match="private ECR repository of us-east-1"):
        AwsLambda(aws_context).definition(agent(), IMAGE.replace(REGION, "eu-west-1"))


def test_a_definition_is_plain_json(aws_context: Context) -> None:
    """It is hashed, stored and shown."""
    attributes = AwsLambda(aws_context).definition(agent(), IMAGE).attributes
    assert json.loads(json.dumps(attributes)) == attributes


def test_the_role_may_touch_what_is_the_agents_own(aws_context: Context) -> None:
    """Its run secrets, its mailboxes and its log; never a new log group, which would outlive a teardown."""
    resources = {r: g.actions for g in AwsLambda(aws_context).grants(agent()) for r in g.resources}
    here = f"{REGION}:{ACCOUNT}"
    assert resources == {
        f"arn:aws:logs:{here}:log-group:/aws/lambda/al-shop-staging-dev:log-stream:*": (
            "logs:CreateLogStream",
            "logs:PutLogEvents",
        ),
        f"arn:aws:secretsmanager:{here}:secret:action-llama/shop/staging/runs/dev/*": (
            "secretsmanager:DeleteSecret",
            "secretsmanager:GetSecretValue",
        ),
        f"arn:aws:dynamodb:{here}:table/al-shop-staging": (
            "dynamodb:GetItem",
            "dynamodb:UpdateItem",
        ),
    }


def test_in_a_vpc_the_role_may_have_network_interfaces(aws_context: Context) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html"""
    context = with_cloud(aws_context, lambda_subnets=("subnet-1",))
    found = AwsLambda(context).grants(agent())
    assert "ec2:CreateNetworkInterface" in {action for grant in found for action in grant.actions}
