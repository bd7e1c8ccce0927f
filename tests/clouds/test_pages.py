"""Where a cloud's console shows a run: addresses as people have them in their browsers."""

from dataclasses import replace

import pytest

from toolkit.clouds import pages
from toolkit.core.agent import AgentName
from toolkit.core.environment import AwsCloud, GcpCloud
from toolkit.core.run import PAGE, Run, RunHandle, RunId, TriggerKind

AWS = AwsCloud(region="eu-central-1", account="123456789012")
GOOGLE = GcpCloud(project="shop-1", region="europe-west1", repository="images")
TASK = "arn:aws:ecs:eu-central-1:123456789012:task/al-shop-prod/0123abcd"


def test_a_task_a_function_and_an_execution_have_a_page() -> None:
    """Each is named by what its handle has."""
    assert pages.of_task(AWS, "al-shop-prod", TASK) == {
        PAGE: "https://eu-central-1.console.aws.amazon.com/ecs/v2/clusters/al-shop-prod/tasks/0123abcd"
        "?region=eu-central-1"
    }
    assert pages.of_function(AWS, "al-shop-prod-dev", "7") == {
        PAGE: "https://eu-central-1.console.aws.amazon.com/lambda/home?region=eu-central-1"
        "#/functions/al-shop-prod-dev/versions/7"
    }
    assert pages.of_execution(GOOGLE, "dev-x7k2p") == {
        PAGE: "https://console.cloud.google.com/run/jobs/executions/details/europe-west1/dev-x7k2p?project=shop-1"
    }


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
    ],
)
def test_other_partitions_have_consoles_of_their_own(region: str, host: str) -> None:
    """A link to the wrong one asks for another account."""
    (page,) = pages.of_task(replace(AWS, region=region), "c", TASK).values()
    assert page.startswith(f"https://{host}/ecs/")


def test_an_embedded_cloud_has_no_console() -> None:
    """A link that leads into somebody's real account would be worse than none."""
    here = "http://127.0.0.1:1"
    assert pages.of_task(replace(AWS, endpoint=here), "c", TASK) == {}
    assert pages.of_function(replace(AWS, endpoint=here), "f", "1") == {}
    assert pages.of_execution(replace(GOOGLE, endpoint="127.0.0.1:1"), "e") == {}


def test_a_run_has_the_page_of_its_handle() -> None:
    """What has none, as on this machine, has none."""
    run = Run(
        id=RunId("dev-00000001"), agent=AgentName("dev"), runtime="local",
        trigger=TriggerKind.MANUAL, created="2026-11-20T12:00:00+00:00",
    )  # fmt: skip
    handle = RunHandle(runtime="local", run=run.id, agent=run.agent, ids={PAGE: "https://x"})
    assert (run.page, replace(run, handle=handle).page) == (None, "https://x")
