"""What Lambda refuses and moto accepts."""

from collections.abc import Callable, Iterable
from typing import Any

import httpx
import pytest

from toolkit.clouds.aws import translated
from toolkit.core.errors import LimitExceeded

from . import programs
from .images import AUTH
from .refused import accepted, code
from .world import World


@pytest.fixture
def asked(world: World) -> dict[str, Any]:
    """A function that is accepted."""
    image = world.image("tests/refusals", {"app/main.py": programs.RUNTIME}, **programs.PYTHON)
    return {
        "FunctionName": "refusals",
        "PackageType": "Image",
        "Code": {"ImageUri": image},
        "Role": world.role("tests-lambda", "lambda"),
    }


@pytest.mark.parametrize(
    "wrong",
    [{"Timeout": 901}, {"MemorySize": 20480}, {"FunctionName": "x" * 65}, {"FunctionName": "a.b"}],
    ids=["timeout", "memory", "name-length", "name-characters"],
)
def test_sizes_and_names(world: World, asked: dict[str, Any], wrong: dict[str, Any]) -> None:
    """900 s, 10,240 MB, 64 characters of letters, digits, - and _
    (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""
    assert (
        code(world.client("lambda").create_function, **{**asked, **wrong}) == "ValidationException"
    )


@pytest.mark.parametrize(
    ("variables", "error"),
    [
        ({"AWS_REGION": "eu-west-1"}, "InvalidParameterValueException"),
        ({"TZ": "UTC"}, "InvalidParameterValueException"),
        ({"BIG": "x" * 4096}, "InvalidParameterValueException"),
        ({"X": "one letter"}, "ValidationException"),
        ({"_LEADING": "underscore"}, "ValidationException"),
    ],
    ids=["region", "timezone", "4-kb", "one-letter", "underscore"],
)
def test_variables(
    world: World, asked: dict[str, Any], variables: dict[str, str], error: str
) -> None:
    """Reserved names, 4 KB in all, names of two characters and no leading underscore
    (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html)."""
    wrong = {**asked, "Environment": {"Variables": variables}}
    assert code(world.client("lambda").create_function, **wrong) == error


@pytest.mark.parametrize(
    "uri",
    [
        "python:3.12",
        "public.ecr.aws/lambda/python:3.12",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/tests/refusals:latest",
        f"123456789012.dkr.ecr.us-east-1.amazonaws.com/tests/refusals@sha256:{'0' * 64}",
    ],
    ids=["docker-hub", "public-ecr", "another-region", "missing"],
)
def test_an_image_is_in_a_private_repository_of_the_region(
    world: World, asked: dict[str, Any], uri: str
) -> None:
    """ "Provide a valid source image" (https://docs.aws.amazon.com/lambda/latest/dg/images-create.html)."""
    wrong = {**asked, "Code": {"ImageUri": uri}}
    assert code(world.client("lambda").create_function, **wrong) == "InvalidParameterValueException"


def test_an_image_index_is_refused(world: World, asked: dict[str, Any], sandbox: Any) -> None:
    """Only single manifests are supported, also when an index holds one platform
    (https://docs.aws.amazon.com/lambda/latest/dg/images-create.html)."""
    uri, _, digest = asked["Code"]["ImageUri"].partition("@")
    kind = "application/vnd.oci.image.index.v1+json"
    child = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 1}
    index = {"schemaVersion": 2, "mediaType": kind, "manifests": [child]}
    url = f"http://{sandbox.registry}/v2/tests/refusals/manifests/index"
    httpx.put(url, json=index, headers={**AUTH, "Content-Type": kind}).raise_for_status()
    wrong = {**asked, "Code": {"ImageUri": f"{uri}:index"}}
    assert code(world.client("lambda").create_function, **wrong) == "InvalidParameterValueException"


def test_an_image_function_has_no_handler(world: World, asked: dict[str, Any]) -> None:
    """Handler, Runtime and Layers are for zip packages (Lambda API reference, CreateFunction)."""
    wrong = {**asked, "Handler": "main.handler"}
    assert code(world.client("lambda").create_function, **wrong) == "InvalidParameterValueException"


def test_a_role_must_trust_lambda(
    world: World, asked: dict[str, Any], role: Callable[..., str]
) -> None:
    """ "The role defined for the function cannot be assumed by Lambda" (Lambda developer guide, lambda-intro-execution-role)."""
    wrong = {**asked, "Role": role("tests-task", "ecs-tasks")}
    assert code(world.client("lambda").create_function, **wrong) == "InvalidParameterValueException"


def test_a_hundred_executions_stay_unreserved(world: World, asked: dict[str, Any]) -> None:
    """UnreservedConcurrentExecution has a minimum of 100 (Lambda API reference, PutFunctionConcurrency)."""
    client = world.client("lambda")
    name = client.create_function(**{**asked, "FunctionName": "reserved"})["FunctionName"]
    wrong = {"FunctionName": name, "ReservedConcurrentExecutions": 950}
    assert code(client.put_function_concurrency, **wrong) == "InvalidParameterValueException"
    assert accepted(
        client.put_function_concurrency, **{**wrong, "ReservedConcurrentExecutions": 900}
    )
    client.delete_function_concurrency(FunctionName=name)


@pytest.mark.parametrize(("kind", "size"), [("Event", 1_048_577), ("RequestResponse", 6_291_457)])
def test_a_payload_has_a_size(world: World, asked: dict[str, Any], kind: str, size: int) -> None:
    """1 MB for an event, 6 MB for a synchronous call: 413 (Lambda API reference, Invoke)."""
    client = world.client("lambda")
    name = client.create_function(**{**asked, "FunctionName": f"payload-{kind}"})["FunctionName"]
    payload = b'"' + b"x" * (size - 2) + b'"'
    wrong = {"FunctionName": name, "InvocationType": kind, "Payload": payload}
    assert code(client.invoke, **wrong) == "RequestTooLargeException"


@pytest.mark.parametrize(
    "wrong", [{"MaximumRetryAttempts": 3}, {"MaximumEventAgeInSeconds": 21601}]
)
def test_retries_and_age_of_events(
    world: World, asked: dict[str, Any], wrong: dict[str, int]
) -> None:
    """0-2 retries, 60-21,600 seconds (Lambda API reference, PutFunctionEventInvokeConfig)."""
    client = world.client("lambda")
    call = {"FunctionName": "anything", **wrong}
    assert code(client.put_function_event_invoke_config, **call) == "ValidationException"


@pytest.mark.parametrize(
    "vpc", [{"SubnetIds": ["subnet-1"]}, {"SecurityGroupIds": ["sg-1"]}], ids=["subnets", "groups"]
)
def test_subnets_and_groups_go_together(
    world: World, asked: dict[str, Any], vpc: dict[str, list[str]]
) -> None:
    """ "SubnetIds and SecurityIds must coexist or be both empty list"
    (https://docs.aws.amazon.com/lambda/latest/api/API_VpcConfig.html)."""
    create = world.client("lambda").create_function
    assert code(create, **{**asked, "VpcConfig": vpc}) == "InvalidParameterValueException"


def test_neither_subnets_nor_groups_are_fine(world: World, asked: dict[str, Any]) -> None:
    """Empty lists take a function out of a VPC (same page)."""
    empty: dict[str, list[str]] = {"SubnetIds": [], "SecurityGroupIds": []}
    outside = {**asked, "FunctionName": "outside", "VpcConfig": empty}
    assert accepted(world.client("lambda").create_function, **outside)


def test_an_update_of_the_code_changes_the_processor(world: World, asked: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html"""
    service = world.client("lambda")
    service.create_function(**{**asked, "FunctionName": "processor"})
    service.update_function_code(FunctionName="processor", Architectures=["arm64"], **asked["Code"])
    found = service.get_function_configuration(FunctionName="processor")
    assert found["Architectures"] == ["arm64"]


def test_a_function_s_policy_has_a_size(world: World, function: Callable[..., str]) -> None:
    """20 KB for all its statements (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html); what it
    comes to in our errors is that something is too big."""
    name, client = function(), world.client("lambda")

    def permit(numbers: Iterable[int]) -> None:
        for number in numbers:
            client.add_permission(
                FunctionName=name, StatementId=f"{'s' * 90}-{number}", Action="lambda:InvokeFunction",
                Principal=f"arn:aws:iam::123456789012:role/{'r' * 60}",
            )  # fmt: skip

    permit(range(25))  # of some 400 characters each
    with pytest.raises(LimitExceeded, match="PolicyLengthExceededException"), translated("letting"):
        permit(range(25, 100))
