"""The Pulumi program, rendered with Pulumi's own mocks: which inputs it gives to which resource."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pulumi
import pytest

from infra.programs.aws import program
from tests.infra.scenes import find, items

Seen = dict[tuple[str, str], dict[str, Any]]


class Recorder(pulumi.runtime.Mocks):
    """Remembers every registration and answers as AWS would."""

    def __init__(self) -> None:
        self.seen: Seen = {}

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.seen[args.typ, args.name] = args.inputs
        return args.name, args.inputs | {"arn": f"arn:{args.name}", "functionUrl": "https://x/"}

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], None]:
        raise AssertionError(f"the program looked up {args.token}")


@pytest.fixture(scope="module")
def seen() -> Iterator[Seen]:
    recorder = Recorder()
    loop, pool = asyncio.new_event_loop(), ThreadPoolExecutor(max_workers=1)
    loop.set_default_executor(pool)
    asyncio.set_event_loop(loop)  # the mocks work in the thread's current loop
    pulumi.runtime.set_mocks(recorder, preview=False)
    pulumi.runtime.test(program(items()))()
    yield recorder.seen
    pool.submit(lambda: asyncio.get_event_loop().close()).result()  # the mocks leave it open
    asyncio.set_event_loop(None)
    loop.close()


def of(seen: Seen, token: str) -> dict[str, dict[str, Any]]:
    return {name: inputs for (found, name), inputs in seen.items() if found == token}


def test_every_item_is_rendered(seen: Seen) -> None:
    """No desired thing is forgotten by the program."""
    rendered = {name for _, name in seen}
    assert {item.name for item in items()} <= rendered


def test_names_are_explicit(seen: Seen) -> None:
    """A generated name could not be found again by the runtimes."""
    named = [i for (token, _), i in seen.items() if token.startswith("aws:")]
    assert [
        i for i in named if not {"name", "repository", "functionName", "function"} & set(i)
    ] == []


def test_a_role_gets_its_trust_and_its_grants(seen: Seen) -> None:
    """What the desired state says is what IAM is given."""
    name = "al-shop-production-dev-lambda-role"
    wanted = find(items(), "role", name).attributes
    role = of(seen, "aws:iam/role:Role")[name]
    policy = of(seen, "aws:iam/rolePolicy:RolePolicy")[name]
    assert json.loads(role["assumeRolePolicy"]) == wanted["trust"]
    assert json.loads(policy["policy"]) == wanted["policy"]
    assert policy["role"] == name


def test_a_role_goes_although_somebody_attached_a_policy(seen: Seen) -> None:
    """DeleteRole is refused while a policy is attached (IAM API reference): what is attached is taken off first."""
    roles = of(seen, "aws:iam/role:Role")
    assert roles
    assert {
        name for name, inputs in roles.items() if inputs.get("forceDetachPolicies") is not True
    } == set()


def test_everything_that_can_have_tags_has_them(seen: Seen) -> None:
    """Parts have no tags; wholes all do."""
    parts = ("RolePolicy", "LifecyclePolicy", "RepositoryPolicy", "FunctionUrl", "Permission")
    wholes = [
        inputs
        for (token, _), inputs in seen.items()
        if token.startswith("aws:") and not token.endswith(parts)
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


def test_the_url_is_public_and_both_permissions_say_so(seen: Seen) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"""
    (url,) = of(seen, "aws:lambda/functionUrl:FunctionUrl").values()
    permissions = of(seen, "aws:lambda/permission:Permission").values()
    assert (url["authorizationType"], url["invokeMode"]) == ("NONE", "BUFFERED")
    assert {(p["action"], p["principal"]) for p in permissions} == {
        ("lambda:InvokeFunctionUrl", "*"),
        ("lambda:InvokeFunction", "*"),
    }
    assert [p.get("functionUrlAuthType") for p in permissions if "Url" in p["action"]] == ["NONE"]
    assert [p.get("invokedViaFunctionUrl") for p in permissions if "Url" not in p["action"]] == [
        True
    ]
