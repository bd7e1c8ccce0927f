"""The Pulumi program, rendered with Pulumi's own mocks: which inputs it gives to which resource."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from tests.infra.rendering import rendered
from tests.infra.scenes import CLOUD, environment, find, items
from toolkit.core.plan import Item

BOUNDARY = "arn:aws:iam::123456789012:policy/edge"
COMPONENTS = {
    "repository": "al:aws:Registry",
    "log_group": "al:aws:LogGroup",
    "security_group": "al:aws:SecurityGroup",
    "cluster": "al:aws:Cluster",
    "secret": "al:aws:Credential",
    "role": "al:aws:Identity",
    "function": "al:aws:Gateway",
    "event_rule": "al:aws:EventRule",
}
NAMES = {"name", "repository", "functionName", "function", "clusterName", "rule"}
Seen = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def seen() -> Seen:
    return registered(items())


def registered(wanted: Iterable[Item]) -> Seen:
    """What the program registers for these items."""
    return {(r.type, r.name): dict(r.inputs) for r in rendered(wanted)}


def of(seen: Seen, token: str) -> dict[str, dict[str, Any]]:
    return {name: inputs for (found, name), inputs in seen.items() if found == token}


def test_every_item_is_rendered(seen: Seen) -> None:
    """No desired thing is forgotten by the program."""
    wanted = {(COMPONENTS[item.kind], item.name) for item in items() if item.kind in COMPONENTS}
    assert {item.kind for item in items()} - set(COMPONENTS) == {"network"}
    assert wanted <= set(seen)


def test_names_are_explicit(seen: Seen) -> None:
    """A generated name could not be found again by the runtimes."""
    named = [i for (token, _), i in seen.items() if token.startswith("aws:")]
    assert [i for i in named if not NAMES & set(i)] == []


def test_a_role_gets_its_trust_and_its_grants(seen: Seen) -> None:
    """What the desired state says is what IAM is given."""
    name = "al-shop-production-dev-lambda-role"
    wanted = find(items(), "role", name).attributes
    role = of(seen, "aws:iam/role:Role")[name]
    policy = of(seen, "aws:iam/rolePolicy:RolePolicy")[name]
    assert json.loads(role["assumeRolePolicy"]) == wanted["trust"]
    assert json.loads(policy["policy"]) == wanted["policy"]
    assert policy["role"] == name


def test_a_role_gets_its_boundary() -> None:
    """Only where the environment names one: null would be a change to a role without."""
    bounded = registered(items(environment(cloud=replace(CLOUD, permission_boundary=BOUNDARY))))
    roles = of(bounded, "aws:iam/role:Role").values()
    assert {role["permissionsBoundary"] for role in roles} == {BOUNDARY}


def test_a_role_without_a_boundary_has_none(seen: Seen) -> None:
    """The provider then takes away one that somebody put there."""
    assert [r for r in of(seen, "aws:iam/role:Role").values() if r.get("permissionsBoundary")] == []


def test_a_security_group_lets_everything_out_and_nothing_in(seen: Seen) -> None:
    """Inline and complete, so that a rule which somebody adds is taken away again
    (https://www.pulumi.com/registry/packages/aws/api-docs/ec2/securitygroup/)."""
    (group,) = of(seen, "aws:ec2/securityGroup:SecurityGroup").values()
    (rule,) = group["egress"]
    assert group["ingress"] == []
    assert (group["vpcId"], rule["protocol"]) == ("vpc-1", "-1")
    assert (rule["cidrBlocks"], rule["ipv6CidrBlocks"]) == (["0.0.0.0/0"], ["::/0"])


def test_the_cluster_has_both_of_fargate_s_capacities(seen: Seen) -> None:
    """A provider must be associated with the cluster before a task may ask for it
    (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html)."""
    (providers,) = of(seen, "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders").values()
    assert providers["capacityProviders"] == ["FARGATE", "FARGATE_SPOT"]
    assert providers["clusterName"] == "al-shop-production"


def test_a_role_goes_although_somebody_attached_a_policy(seen: Seen) -> None:
    """DeleteRole is refused while a policy is attached (IAM API reference): what is attached is taken off first."""
    roles = of(seen, "aws:iam/role:Role")
    assert roles
    assert {
        name for name, inputs in roles.items() if inputs.get("forceDetachPolicies") is not True
    } == set()


def test_everything_that_can_have_tags_has_them(seen: Seen) -> None:
    """Parts have no tags; wholes all do."""
    without = (
        "Policy",
        "FunctionUrl",
        "Permission",
        "ClusterCapacityProviders",
        "EventTarget",
        "InvokeConfig",
    )
    wholes = [
        inputs
        for (token, _), inputs in seen.items()
        if token.startswith("aws:") and not token.endswith(without)
    ]
    assert wholes
    assert {inputs["tags"]["al:project"] for inputs in wholes} == {"shop"}


def test_repositories_do_not_let_tags_move(seen: Seen) -> None:
    """A tag that is pushed twice is refused, so deployments use digests
    (https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html)."""
    repositories = of(seen, "aws:ecr/repository:Repository").values()
    assert {r["imageTagMutability"] for r in repositories} == {"IMMUTABLE"}


def test_only_what_lambda_pulls_has_a_repository_policy(seen: Seen) -> None:
    """The gateway's and the Lambda agents' repositories."""
    assert set(of(seen, "aws:ecr/repositoryPolicy:RepositoryPolicy")) == {
        "al-shop-production/gateway",
        "al-shop-production-dev",
    }


def test_secrets_have_no_value_and_no_recovery_window(seen: Seen) -> None:
    """A value would be in Pulumi's state, and a window would keep the name taken for a week
    (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html)."""
    secrets = of(seen, "aws:secretsmanager/secret:Secret").values()
    assert {s["recoveryWindowInDays"] for s in secrets} == {0}
    assert [token for token, _ in seen if "secretVersion" in token] == []


def test_the_gateway_is_an_image_by_digest(seen: Seen) -> None:
    """With its role, a timeout and memory; Runtime and Handler are refused for images
    (https://docs.aws.amazon.com/lambda/latest/dg/images-create.html)."""
    function = of(seen, "aws:lambda/function:Function")["al-shop-production--gateway"]
    assert function["packageType"] == "Image"
    assert "@sha256:" in function["imageUri"]
    assert function["role"] == "arn:al-shop-production--gateway-lambda-role"
    assert (function["timeout"], function["memorySize"]) == (60, 512)
    assert {"runtime", "handler"} & set(function) == set()


def test_an_event_is_not_tried_for_hours(seen: Seen) -> None:
    """Neither on its way to Lambda nor in Lambda's queue: an outage ends without all the ticks that it has missed."""
    (own,) = of(seen, "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig").values()
    targets = of(seen, "aws:cloudwatch/eventTarget:EventTarget").values()
    assert (own["maximumEventAgeInSeconds"], own["maximumRetryAttempts"]) == (300, 1)
    assert [t["retryPolicy"]["maximumEventAgeInSeconds"] for t in targets] == [300, 300]


def test_the_url_is_public_and_both_permissions_say_so(seen: Seen) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"""
    (url,) = of(seen, "aws:lambda/functionUrl:FunctionUrl").values()
    permissions = [
        p for p in of(seen, "aws:lambda/permission:Permission").values() if p["principal"] == "*"
    ]
    assert (url["authorizationType"], url["invokeMode"]) == ("NONE", "BUFFERED")
    assert {(p["action"], p["principal"]) for p in permissions} == {
        ("lambda:InvokeFunctionUrl", "*"),
        ("lambda:InvokeFunction", "*"),
    }
    assert [p.get("functionUrlAuthType") for p in permissions if "Url" in p["action"]] == ["NONE"]
    assert [p.get("invokedViaFunctionUrl") for p in permissions if "Url" not in p["action"]] == [
        True
    ]


def test_a_rule_reaches_the_gateway_by_the_function_s_own_policy(seen: Seen) -> None:
    """Its principal is EventBridge, for this one rule
    (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html)."""
    rules = of(seen, "aws:cloudwatch/eventRule:EventRule")
    targets = of(seen, "aws:cloudwatch/eventTarget:EventTarget")
    permissions = of(seen, "aws:lambda/permission:Permission").values()
    assert {t["rule"] for t in targets.values()} == rules.keys()
    assert {t["arn"] for t in targets.values()} == {"arn:al-shop-production--gateway"}
    allowed = [p for p in permissions if p["principal"] == "events.amazonaws.com"]
    assert {p["sourceArn"].rpartition("/")[2] for p in allowed} == rules.keys()
    assert [rules[f"al-shop-production--{of_}"].get(key) is not None
            for of_, key in (("timer", "scheduleExpression"), ("ends", "eventPattern"))] == [True, True]  # fmt: skip
