"""Function URLs: HTTP that becomes an invocation, and who may send it."""

from collections.abc import Callable

import httpx
import pytest
from botocore.exceptions import ClientError

from . import programs
from .world import World

TEXT = {"Content-Type": "text/plain"}


@pytest.fixture
def public(world: World) -> Callable[[str], str]:
    """Give a function a public URL with both permissions that it needs."""

    def make(name: str) -> str:
        client = world.client("lambda")
        client.add_permission(
            FunctionName=name,
            StatementId="url",
            Principal="*",
            Action="lambda:InvokeFunctionUrl",
            FunctionUrlAuthType="NONE",
        )
        client.add_permission(
            FunctionName=name,
            StatementId="invoke",
            Principal="*",
            Action="lambda:InvokeFunction",
            InvokedViaFunctionUrl=True,
        )
        made = client.create_function_url_config(FunctionName=name, AuthType="NONE")
        return str(made["FunctionUrl"])

    return make


def test_a_url_turns_http_into_an_event_and_back(
    world: World, function: Callable[..., str], public: Callable[[str], str]
) -> None:
    """Payload format 2.0 both ways (https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html)."""
    url = public(function())
    answer = httpx.post(f"{url}a%20b/c?x=1&x=2", json={"k": "v"}, cookies={"c": "1"})
    assert answer.status_code == 201
    assert answer.headers["x-made"] == "yes"
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert answer.json() == {
        "rawPath": "/a%20b/c",
        "rawQueryString": "x=1&x=2",
        "body": '{"k":"v"}',
        "cookies": ["c=1"],
        "isBase64Encoded": False,
        "method": "POST",
    }


def test_a_url_of_bytes_is_base64(
    world: World, function: Callable[..., str], public: Callable[[str], str]
) -> None:
    """A body that is no text is encoded (Lambda developer guide, urls-invocation)."""
    url = public(function())
    answer = httpx.post(
        url, content=b"\xff\x00", headers={"Content-Type": "application/octet-stream"}
    )
    assert (answer.json()["body"], answer.json()["isBase64Encoded"]) == ("/wA=", True)


def test_a_url_with_one_permission_is_forbidden(world: World, function: Callable[..., str]) -> None:
    """Since October 2025 both permissions are needed (https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html)."""
    name, client = function(), world.client("lambda")
    client.add_permission(
        FunctionName=name,
        StatementId="url",
        Principal="*",
        Action="lambda:InvokeFunctionUrl",
        FunctionUrlAuthType="NONE",
    )
    url = client.create_function_url_config(FunctionName=name, AuthType="NONE")["FunctionUrl"]
    assert httpx.get(url).status_code == 403


def test_a_url_answers_browsers_but_not_foreign_hosts(
    world: World, function: Callable[..., str], public: Callable[[str], str]
) -> None:
    """A URL is public; a name that was bound to loopback from outside is not ours."""
    url = public(function())
    assert httpx.get(url, headers={"Origin": "https://example.com"}).status_code == 201
    assert httpx.get(url, headers={"Host": "evil.example"}).status_code == 403


def test_a_function_that_fails_is_a_bad_gateway(
    world: World, function: Callable[..., str], public: Callable[[str], str]
) -> None:
    """502 (https://docs.aws.amazon.com/lambda/latest/dg/urls-monitoring.html)."""
    image = world.image("tests/broken", {"app/main.py": "raise SystemExit(1)"}, **programs.PYTHON)
    assert httpx.get(public(function(Code={"ImageUri": image}))).status_code == 502


def test_what_goes_through_a_url_is_at_most_6_mb(
    world: World, function: Callable[..., str], public: Callable[[str], str]
) -> None:
    """As JSON, both ways: 413 for the request, 502 for the answer
    (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""
    url = public(function())
    quotes = b'"' * 1024**2  # two bytes each in the event, four in the answer
    sizes = (1, 2, 4)  # MiB
    answers = [httpx.post(url, content=quotes * size, headers=TEXT) for size in sizes]
    assert [answer.status_code for answer in answers] == [201, 502, 413]


def test_a_version_cannot_have_a_url(world: World, function: Callable[..., str]) -> None:
    """The qualifier is an alias (Lambda API reference, CreateFunctionUrlConfig)."""
    with pytest.raises(ClientError, match="qualifier"):
        world.client("lambda").create_function_url_config(
            FunctionName=function(), Qualifier="1", AuthType="NONE"
        )


def test_a_statement_id_is_unique(world: World, function: Callable[..., str]) -> None:
    """ResourceConflictException on repeat (Lambda API reference, AddPermission)."""
    name, client = function(), world.client("lambda")
    wanted = {
        "FunctionName": name,
        "StatementId": "s",
        "Principal": "*",
        "Action": "lambda:InvokeFunction",
    }
    client.add_permission(**wanted)
    with pytest.raises(client.exceptions.ResourceConflictException):
        client.add_permission(**wanted)
