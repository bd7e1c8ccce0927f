"""Functions in a VPC, on either processor, and with roles of the user's own."""

import json
from typing import Any

import pytest

from moto_tests.answers import answer
from moto_tests.given import IMAGE, OTHER_IMAGE, agent, with_cloud
from runtimes.aws_lambda import AwsLambda
from toolkit.clouds.aws import tag_list
from toolkit.core.errors import NotFound
from toolkit.core.ports import Context

ROLE = "al-shop-staging-dev-lambda-role"


def runtime(context: Context, **cloud: Any) -> AwsLambda:
    """The runtime in an account that has the agent's role and, as subnets, two of the default VPC."""
    made = AwsLambda(with_cloud(context, **cloud), sleep=lambda _: None)
    trust = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"}]}'
    made.clients.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust)
    return made


def default_subnets(context: Context) -> tuple[str, str]:
    answer = AwsLambda(context).clients.client("ec2").describe_subnets()
    return answer["Subnets"][0]["SubnetId"], answer["Subnets"][0]["VpcId"]


def live(lambda_: AwsLambda, reference: str) -> dict[str, Any]:
    name, version = reference.rsplit(":", 1)
    found: dict[str, Any] = lambda_.clients.client("lambda").get_function_configuration(
        FunctionName=name, Qualifier=version
    )
    return found


def make_group(lambda_: AwsLambda, vpc: str) -> str:
    tags = tag_list(lambda_._names.tags(), "Key", "Value")
    answer = lambda_.clients.client("ec2").create_security_group(
        GroupName="al-shop-staging--functions",
        Description="out",
        VpcId=vpc,
        TagSpecifications=[{"ResourceType": "security-group", "Tags": tags}],
    )
    return str(answer["GroupId"])


def test_a_function_in_subnets_has_our_group_unless_the_user_names_some(
    aws_context: Context,
) -> None:
    """Lambda takes both or neither (https://docs.aws.amazon.com/lambda/latest/api/API_VpcConfig.html); a definition
    has the group's name, since it is decided before the group is made."""
    subnet, _ = default_subnets(aws_context)
    ours = runtime(aws_context, lambda_subnets=(subnet,)).definition(agent(), IMAGE)
    theirs = AwsLambda(
        with_cloud(aws_context, lambda_subnets=(subnet,), lambda_security_groups=("sg-1",))
    ).definition(agent(), IMAGE)
    assert ours.attributes["VpcConfig"]["SecurityGroupIds"] == ["al-shop-staging--functions"]
    assert theirs.attributes["VpcConfig"]["SecurityGroupIds"] == ["sg-1"]


def test_the_name_becomes_the_group_s_id(aws_context: Context) -> None:
    """At push, when the group is there."""
    subnet, vpc = default_subnets(aws_context)
    lambda_ = runtime(aws_context, lambda_subnets=(subnet,))
    group = make_group(lambda_, vpc)
    reference = lambda_.define(lambda_.definition(agent(), IMAGE))
    assert live(lambda_, reference)["VpcConfig"]["SecurityGroupIds"] == [group]
    assert live(lambda_, reference)["VpcConfig"]["SubnetIds"] == [subnet]


def test_without_the_group_the_error_says_to_push(aws_context: Context) -> None:
    """Somebody has removed it."""
    subnet, _ = default_subnets(aws_context)
    lambda_ = runtime(aws_context, lambda_subnets=(subnet,))
    with pytest.raises(NotFound, match="al-shop-staging--functions"):
        lambda_.define(lambda_.definition(agent(), IMAGE))


def test_groups_without_subnets_are_refused(aws_context: Context) -> None:
    """ "SubnetIds and SecurityIds must coexist or be both empty list", says Lambda."""
    lambda_ = AwsLambda(with_cloud(aws_context, lambda_security_groups=("sg-1",)))
    (said,) = lambda_.check(agent())
    assert "lambdaSecurityGroups and no lambdaSubnets" in said


def test_spot_has_no_meaning_on_lambda(aws_context: Context) -> None:
    """Said with what can be done about it."""
    (said,) = AwsLambda(aws_context).check(agent(spot=True))
    assert "Lambda has no Spot capacity" in said
    assert 'lambda = "never"' in said


def test_a_function_is_made_for_the_agent_s_processor(aws_context: Context) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/foundation-arch.html"""
    lambda_ = runtime(aws_context)
    reference = lambda_.define(lambda_.definition(agent(arch="arm64"), IMAGE))
    assert live(lambda_, reference)["Architectures"] == ["arm64"]


@pytest.mark.parametrize("image", [IMAGE, OTHER_IMAGE])
def test_an_agent_may_change_its_processor(aws_context: Context, image: str) -> None:
    """UpdateFunctionCode takes Architectures, also beside the image that is there
    (https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html)."""
    lambda_ = runtime(aws_context)
    lambda_.define(lambda_.definition(agent(), IMAGE))
    updates = answer(lambda_.clients.client("lambda"), "UpdateFunctionCode")
    lambda_.define(lambda_.definition(agent(arch="arm64"), image))
    (asked,) = [json.loads(update["body"]) for update in updates]
    assert (asked["Architectures"], asked["ImageUri"]) == (["arm64"], image)


def test_a_role_that_the_user_brings_is_the_function_s(aws_context: Context) -> None:
    """For this agent; by name or by ARN."""
    own = with_cloud(aws_context, agent_roles=(("dev", "lambda", "mine"),), lambda_role="all")
    of = {n: AwsLambda(own).definition(agent(n), IMAGE).attributes["Role"] for n in ("dev", "qa")}
    assert of == {
        n: f"arn:aws:iam::123456789012:role/{r}" for n, r in (("dev", "mine"), ("qa", "all"))
    }
