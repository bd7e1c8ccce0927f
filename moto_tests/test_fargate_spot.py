"""Spot and ARM64 on Fargate: asked for by the agent, decided at push, and remembered by the reference."""

from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from moto_tests.given import CLUSTER, IMAGE, OTHER_IMAGE, TASK, agent, spec
from runtimes.ecs_fargate import EcsFargate
from toolkit.core.errors import LaunchError


def ecs(fargate: EcsFargate) -> Any:
    return fargate.clients.client("ecs")


def request(fargate: EcsFargate, definition: str) -> dict[str, Any]:
    """What RunTask is asked to run `definition`."""
    return fargate._run_request(spec(definition))


@pytest.mark.parametrize(("arch", "platform"), [("x86_64", "X86_64"), ("arm64", "ARM64")])
def test_a_definition_says_what_its_image_is_built_for(
    fargate: EcsFargate, arch: str, platform: str
) -> None:
    """Image and platform must match, or the task ends with an exec format error
    (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RuntimePlatform.html)."""
    reference = fargate.define(fargate.definition(agent(arch=arch), IMAGE))
    live = ecs(fargate).describe_task_definition(taskDefinition=reference)["taskDefinition"]
    assert live["runtimePlatform"]["cpuArchitecture"] == platform


def test_a_task_on_spot_asks_for_the_capacity_and_no_launch_type(
    fargate: EcsFargate, pushed: str
) -> None:
    """The two exclude each other (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html)."""
    reference = fargate.define(fargate.definition(agent(spot=True), IMAGE))
    asked = request(fargate, reference)
    assert asked["capacityProviderStrategy"] == [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    assert "launchType" not in asked
    assert asked["taskDefinition"] == reference.removesuffix("@spot")


def test_another_process_knows_it_from_the_reference(fargate: EcsFargate, pushed: str) -> None:
    """A launcher has no project, and a rollback names an older reference."""
    on_spot = fargate.define(fargate.definition(agent(spot=True), IMAGE))
    assert on_spot.endswith("@spot")
    assert not pushed.endswith("@spot")
    assert "launchType" in request(fargate, pushed)


def test_both_architectures_may_go_to_spot(fargate: EcsFargate, pushed: str) -> None:
    """ARM64 needs platform version 1.4.0, which LATEST is
    (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html)."""
    assert fargate.check(agent(spot=True, arch="arm64")) == []
    reference = fargate.define(fargate.definition(agent(spot=True, arch="arm64"), IMAGE))
    assert "platformVersion" not in request(fargate, reference)


def test_leaving_spot_is_another_definition(fargate: EcsFargate, pushed: str) -> None:
    """A push sees it in the item, and each revision belongs to one of the two."""
    plain, spot = (fargate.definition(agent(spot=on), IMAGE) for on in (False, True))
    assert plain != spot
    assert fargate.define(spot).removesuffix("@spot") != pushed


def test_defining_it_again_is_the_same_reference(fargate: EcsFargate, pushed: str) -> None:
    """A push that was interrupted registers nothing twice."""
    item = fargate.definition(agent(spot=True), IMAGE)
    assert fargate.define(item) == fargate.define(item)


def test_pruning_keeps_what_is_on_spot(fargate: EcsFargate, pushed: str) -> None:
    """The revision is found behind the reference."""
    kept = fargate.define(fargate.definition(agent(spot=True), IMAGE))
    newest = fargate.define(fargate.definition(agent(spot=True), OTHER_IMAGE))
    assert fargate.prune("dev", {kept, newest}) == (pushed,)


def test_a_task_on_spot_runs(fargate: EcsFargate, pushed: str) -> None:
    """Through the API."""
    ecs(fargate).put_cluster_capacity_providers(
        cluster=CLUSTER,
        capacityProviders=["FARGATE", "FARGATE_SPOT"],
        defaultCapacityProviderStrategy=[],
    )
    reference = fargate.define(fargate.definition(agent(spot=True), IMAGE))
    task = fargate.launch(spec(reference)).ids["task_arn"]
    (found,) = ecs(fargate).describe_tasks(cluster=CLUSTER, tasks=[task])["tasks"]
    assert found["capacityProviderName"] == "FARGATE_SPOT"


def test_a_cluster_without_the_capacity_says_what_to_do(fargate: EcsFargate, pushed: str) -> None:
    """A cluster of the user's own may not have it associated (API reference, PutClusterCapacityProviders)."""
    with Stubber(ecs(fargate)) as service:
        service.add_client_error(
            "run_task",
            "InvalidParameterException",
            "The specified capacity provider was not found. Specify a valid name or ARN and try again.",
            400,
        )
        with pytest.raises(LaunchError) as caught:
            fargate.launch(spec(f"{pushed}@spot"))
    assert "FARGATE_SPOT" in caught.value.hint


def test_the_token_is_the_run_s_on_spot_too(fargate: EcsFargate, pushed: str) -> None:
    """Sent twice, it runs once."""
    with Stubber(ecs(fargate)) as service:
        wanted = dict.fromkeys(request(fargate, f"{pushed}@spot"), ANY)
        wanted |= {"clientToken": "dev-1a2b3c4d", "taskDefinition": pushed}
        service.add_response("run_task", {"tasks": [{"taskArn": TASK}]}, wanted)
        assert fargate.launch(spec(f"{pushed}@spot")).ids["task_arn"] == TASK
