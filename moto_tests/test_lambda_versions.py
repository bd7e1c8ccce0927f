"""Pushing to Lambda: one version per definition, finished by the next push when one was interrupted."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from moto_tests.given import IMAGE, OTHER_IMAGE, agent
from runtimes.aws_lambda import AwsLambda
from toolkit.clouds.aws import Clients
from toolkit.core.errors import AlError, Conflict
from toolkit.core.plan import Item
from toolkit.core.ports import Context

FUNCTION = "al-shop-staging-dev"
ROLE = "al-shop-staging-dev-lambda-role"
TAGS = {"al:managed": "true", "al:project": "shop", "al:environment": "staging"}
ACTIVE = {"State": "Active", "LastUpdateStatus": "Successful"}


@pytest.fixture
def runtime(aws_context: Context) -> AwsLambda:
    runtime = AwsLambda(aws_context, sleep=lambda _: None)
    trust = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"lambda.amazonaws.com"}}]}'
    runtime.clients.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust)
    return runtime


def functions(runtime: AwsLambda) -> Any:
    return runtime.clients.client("lambda")


def wanted(runtime: AwsLambda, image: str = IMAGE, **settings: Any) -> Item:
    return runtime.definition(agent(**settings), image)


def events(runtime: AwsLambda, version: str) -> Any:
    return functions(runtime).get_function_event_invoke_config(
        FunctionName=FUNCTION, Qualifier=version
    )


def test_a_new_agent_becomes_version_1(runtime: AwsLambda) -> None:
    """Created, active, published: the reference names the version."""
    assert runtime.define(wanted(runtime)) == f"{FUNCTION}:1"


def test_an_event_is_tried_once_and_soon_or_never(runtime: AwsLambda) -> None:
    """Lambda's defaults would run an agent that failed twice more, and hours later
    (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html)."""
    runtime.define(wanted(runtime))
    found = events(runtime, "1")
    assert (found["MaximumRetryAttempts"], found["MaximumEventAgeInSeconds"]) == (0, 60)


def test_an_unchanged_agent_is_not_published_again(
    runtime: AwsLambda, counted: Callable[[Clients], list[str]]
) -> None:
    """The version's description tells what it was made from."""
    first = runtime.define(wanted(runtime))
    calls = counted(runtime.clients)
    assert runtime.define(wanted(runtime)) == first
    assert calls == [
        "lambda.GetFunction",
        "lambda.ListVersionsByFunction",
        "lambda.PutFunctionEventInvokeConfig",
    ]


def test_another_image_is_another_version(runtime: AwsLambda) -> None:
    """The function pins a digest, so new code is always an update (API reference, UpdateFunctionCode)."""
    runtime.define(wanted(runtime))
    assert runtime.define(wanted(runtime, OTHER_IMAGE)) == f"{FUNCTION}:2"
    found = functions(runtime).get_function(FunctionName=FUNCTION, Qualifier="2")
    assert found["Code"]["ImageUri"] == OTHER_IMAGE


def test_another_setting_is_another_version(runtime: AwsLambda) -> None:
    """A version holds code and configuration; the older one keeps its own."""
    runtime.define(wanted(runtime))
    assert runtime.define(wanted(runtime, timeout=60)) == f"{FUNCTION}:2"
    timeouts = [
        functions(runtime).get_function(FunctionName=FUNCTION, Qualifier=version)["Configuration"]
        for version in ("1", "2")
    ]
    assert [one["Timeout"] for one in timeouts] == [900, 70]


def test_going_back_finds_the_old_version(runtime: AwsLambda) -> None:
    """What was published before is there, and needs nothing."""
    runtime.define(wanted(runtime))
    runtime.define(wanted(runtime, OTHER_IMAGE))
    assert runtime.define(wanted(runtime)) == f"{FUNCTION}:1"


def test_an_interrupted_push_is_finished(runtime: AwsLambda) -> None:
    """Created, but not published: the next push publishes, and does not create again."""
    item = wanted(runtime)
    functions(runtime).create_function(**item.attributes, Tags=dict(item.tags))
    assert runtime.define(item) == f"{FUNCTION}:1"


def test_a_version_without_its_event_settings_gets_them(runtime: AwsLambda) -> None:
    """A push that ended after publishing would leave Lambda's defaults, and three runs for one."""
    runtime.define(wanted(runtime))
    functions(runtime).delete_function_event_invoke_config(FunctionName=FUNCTION, Qualifier="1")
    runtime.define(wanted(runtime))
    assert events(runtime, "1")["MaximumRetryAttempts"] == 0


def test_a_strangers_function_is_not_touched(runtime: AwsLambda) -> None:
    """Nothing without our tags is ever changed."""
    item = wanted(runtime)
    functions(runtime).create_function(**item.attributes, Tags={"team": "billing"})
    with pytest.raises(Conflict, match="does not carry al's tags"):
        runtime.define(wanted(runtime, OTHER_IMAGE))


def test_versions_that_nobody_names_are_pruned(runtime: AwsLambda) -> None:
    """Published versions add up; those in use stay, and $LATEST is no version."""
    first = runtime.define(wanted(runtime))
    second = runtime.define(wanted(runtime, OTHER_IMAGE))
    assert runtime.prune("dev", keep={second}) == (first,)
    found = functions(runtime).list_versions_by_function(FunctionName=FUNCTION)["Versions"]
    assert [one["Version"] for one in found] == ["$LATEST", "2"]


def test_pruning_what_was_never_pushed_is_nothing(runtime: AwsLambda) -> None:
    """An agent of another runtime has no function."""
    assert runtime.prune("dev", keep=()) == ()


def described(**configuration: Any) -> dict[str, Any]:
    return {
        "Configuration": {"FunctionName": FUNCTION} | configuration,
        "Code": {"ImageUri": IMAGE},
        "Tags": TAGS,
    }


def test_a_function_is_published_when_it_is_active(runtime: AwsLambda) -> None:
    """After create its state is Pending, and publishing fails
    (https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html); moto's are active at once."""
    with Stubber(functions(runtime)) as service:
        service.add_client_error("get_function", "ResourceNotFoundException", "-", 404)
        service.add_response("create_function", {})
        service.add_response("get_function", described(State="Pending"))
        service.add_response("get_function", described(**ACTIVE))
        service.add_response("publish_version", {"Version": "1"})
        service.add_response("get_function", described(State="Pending"))
        service.add_response("get_function", described(**ACTIVE))
        service.add_response("put_function_event_invoke_config", {})
        assert runtime.define(wanted(runtime)) == f"{FUNCTION}:1"
        service.assert_no_pending_responses()


def test_code_and_configuration_are_changed_one_after_the_other(runtime: AwsLambda) -> None:
    """A change is refused while another is in progress, also somebody else's (same page)."""
    busy = ("ResourceConflictException", "An update is in progress for resource", 409)
    with Stubber(functions(runtime)) as service:
        service.add_response("get_function", described(**ACTIVE))
        service.add_response("list_versions_by_function", {"Versions": []})
        service.add_response("get_function", described(**ACTIVE))
        service.add_client_error("update_function_code", *busy)
        service.add_response("update_function_code", {})
        service.add_response(
            "get_function", described(State="Active", LastUpdateStatus="InProgress")
        )
        service.add_response("get_function", described(**ACTIVE))
        service.add_response("update_function_configuration", {})
        service.add_response("get_function", described(**ACTIVE))
        service.add_response("publish_version", {"Version": "8"})
        service.add_response("get_function", described(**ACTIVE))
        service.add_response("put_function_event_invoke_config", {})
        assert runtime.define(wanted(runtime, OTHER_IMAGE)) == f"{FUNCTION}:8"
        service.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("InvalidImage", "delete the function first"),
        ("ImageAccessDenied", "al push"),
        ("SomethingNew", "AWS console"),
    ],
)
def test_a_function_that_fails_says_why(runtime: AwsLambda, code: str, hint: str) -> None:
    """An image index is refused after the call was accepted, as a state with a reason code: waiting for the time
    limit would hide it (same page, and https://github.com/aws/aws-lambda-roadmap/issues/82)."""
    failed = described(State="Failed", StateReason="no good", StateReasonCode=code)
    with Stubber(functions(runtime)) as service:
        service.add_client_error("get_function", "ResourceNotFoundException", "-", 404)
        service.add_response("create_function", {})
        service.add_response("get_function", failed)
        with pytest.raises(AlError, match=f"no good \\({code}\\)") as caught:
            runtime.define(wanted(runtime))
    assert hint in caught.value.hint


def test_what_keeps_a_version_from_being_invoked_is_told(runtime: AwsLambda) -> None:
    """Gone, or failed for good; one that sleeps wakes up by being invoked
    (https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html)."""
    reference = runtime.define(wanted(runtime))
    assert runtime.trouble(reference) == ""
    assert runtime.trouble(f"{FUNCTION}:7") == f"the version {FUNCTION}:7 is gone"
    with Stubber(functions(runtime)) as service:
        service.add_response("get_function", described(State="Inactive"))
        service.add_response("get_function", described(State="Failed", StateReason="no good"))
        assert runtime.trouble(reference) == ""
        assert "failed: no good" in runtime.trouble(reference)


def test_a_role_that_was_just_made_is_waited_for(runtime: AwsLambda) -> None:
    """`cannot be assumed by Lambda` is what a role of a few seconds gives
    (https://github.com/hashicorp/terraform-provider-aws/issues/44517)."""
    refused = "The role defined for the function cannot be assumed by Lambda."
    with Stubber(functions(runtime)) as service:
        service.add_client_error("get_function", "ResourceNotFoundException", "-", 404)
        service.add_client_error("create_function", "InvalidParameterValueException", refused, 400)
        service.add_response("create_function", {}, create_request(runtime))
        service.add_response("get_function", described(**ACTIVE))
        service.add_response("publish_version", {"Version": "1"})
        service.add_response("get_function", described(**ACTIVE))
        service.add_response("put_function_event_invoke_config", {})
        assert runtime.define(wanted(runtime)) == f"{FUNCTION}:1"


def create_request(runtime: AwsLambda) -> dict[str, Any]:
    item = wanted(runtime)
    return {**item.attributes, "Tags": dict(item.tags), "Role": ANY}


def test_a_role_that_lambda_may_never_assume_is_an_error_at_once(aws_context: Context) -> None:
    """The role does not exist: waiting would hide a real mistake."""
    runtime = AwsLambda(aws_context, sleep=lambda _: None)
    refused = "The role defined for the function cannot be assumed by Lambda."
    with Stubber(functions(runtime)) as service:
        service.add_client_error("get_function", "ResourceNotFoundException", "-", 404)
        service.add_client_error("create_function", "InvalidParameterValueException", refused, 400)
        with pytest.raises(AlError, match="cannot be assumed by Lambda") as caught:
            runtime.define(wanted(runtime))
    assert "al doctor -c" in caught.value.hint
