"""What earlier pushes made is looked at before the next one: the gateway, its key, and how long logs are kept."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from moto_tests.given import agent
from tests.images.served import Served, sandbox_registry
from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.core.agent import Project
from toolkit.core.ports import Context
from toolkit.core.secrets import Secret
from toolkit.images.base import NO_BASE
from toolkit.ops.doctor import preflight_deployed
from toolkit.ops.doctor.findings import Weight
from toolkit.ops.infrastructure import GATEWAY
from toolkit.scheduler.dispatch import Definition
from toolkit.wiring import Services


def a_project(context: Context) -> Services:
    project = Project(name="shop", directory=context.project, agents=(agent("dev", timeout=3600),))
    return Services(context, project)


def test_retention_that_differs_is_told_with_the_command(aws_context: Context) -> None:
    """A group that Lambda made keeps its lines for ever
    (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html)."""
    services, clients = a_project(aws_context), clients_for(cloud_of(aws_context.environment))
    logs, names = clients.client("logs"), aws_context.names
    services.ledger.prepare()
    for name in ("two", "three"):
        services.ledger.set_fact(f"definition/{name}", {})
    for name, days in (("dev", None), ("two", 7), ("three", 30)):
        group = names.lambda_log_group(name)
        logs.create_log_group(logGroupName=group)
        if days:
            logs.put_retention_policy(logGroupName=group, retentionInDays=days)
    found = [*preflight_deployed.log_groups(clients, services)]
    assert {f.about: f.message for f in found} == {
        names.lambda_log_group("dev"): "keeps its lines for ever instead of 30 days",
        names.lambda_log_group("two"): "keeps its lines for 7 days instead of 30 days",
    }
    assert "put-retention-policy" in found[0].remedy


def test_the_log_groups_of_others_are_nobody_s_to_judge(aws_context: Context) -> None:
    """Those of the environment `staging-eu`, and of a stranger, begin as ours do."""
    services, clients = a_project(aws_context), clients_for(cloud_of(aws_context.environment))
    names = aws_context.names
    for group in (names.lambda_log_group("eu-dev"), f"{names.ecs_log_group}-eu"):
        clients.client("logs").create_log_group(logGroupName=group)
    assert [*preflight_deployed.log_groups(clients, services)] == []


class Gateway:
    """A gateway that is healthy and takes one key."""

    def __init__(self) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                keyed = self.headers.get("Authorization") == "Bearer right"
                self.send_response(200 if self.path == "/health" or keyed else 401)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    made = Gateway()
    serving = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    yield made
    made.server.shutdown()
    serving.join()
    made.server.server_close()


def deployed(context: Context, url: str) -> Services:
    services = a_project(context)
    services.ledger.prepare()
    services.ledger.set_fact(GATEWAY, {"url": url, "healthy": True})
    return services


@pytest.mark.parametrize(("key", "told_of"), [("right", []), ("wrong", [Weight.ERROR])])
def test_the_gateway_is_asked_with_this_machine_s_key(
    aws_context: Context, gateway: Gateway, key: str, told_of: list[Weight]
) -> None:
    """Healthy is not enough: a key that it does not take shows no logs.  The key is not told."""
    services = deployed(aws_context, gateway.url)
    services.local_store.put("gateway_api_key/shop.staging/key", Secret(key), tags={})
    found = [*preflight_deployed.gateway(services)]
    assert [f.weight for f in found] == told_of
    assert f"'{key}'" not in str(found)


def test_without_a_key_only_its_health_is_asked_for(aws_context: Context, gateway: Gateway) -> None:
    """A note says so."""
    found = [*preflight_deployed.gateway(deployed(aws_context, gateway.url))]
    assert [f.weight for f in found] == [Weight.NOTE]


def test_a_gateway_that_does_not_answer_is_an_error(aws_context: Context) -> None:
    """The discard port answers nobody."""
    found = [*preflight_deployed.gateway(deployed(aws_context, "http://127.0.0.1:9"))]
    assert [f.weight for f in found] == [Weight.ERROR]


def test_before_the_first_push_there_is_no_gateway_to_ask(aws_context: Context) -> None:
    """And no table either."""
    assert [*preflight_deployed.gateway(a_project(aws_context))] == []


# the base image


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Served]:
    with sandbox_registry(tmp_path / "registry") as served:
        yield served


def based_on(context: Context, registry: Served, base: str | None) -> Services:
    """A real account's services, with that registry in the place of ECR."""
    images = {"base": f"{registry.registry.home.host}/{base}"} if base else {}
    cloud = replace(cloud_of(context.environment), endpoint=None)
    environment = replace(context.environment, cloud=cloud, images=images)
    services = a_project(replace(context, environment=environment))
    services.__dict__["registry"] = registry.registry  # where cached_property looks first
    return services


def of_base(services: Services, arch: str = "x86_64") -> list[tuple[str, str]]:
    found = preflight_deployed.base_images(services, [agent("dev", arch=arch)])
    return [(f.about, f.message) for f in found]


def test_a_base_that_is_there_and_fits_is_fine(aws_context: Context, registry: Served) -> None:
    """Read from its registry, for the processors that agents have."""
    registry.registry.push_base("base", "1", {}, {})
    assert of_base(based_on(aws_context, registry, "base:1")) == []


def test_a_base_for_other_processors_is_an_error(aws_context: Context, registry: Served) -> None:
    """It would end with `exec format error`
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-arm64.html)."""
    registry.registry.push_base("base", "1", {}, {})
    ((about, message),) = of_base(based_on(aws_context, registry, "base:1"), arch="arm64")
    assert about == "[images] base"
    assert "linux/amd64" in message


def test_a_base_that_is_missing_is_an_error(aws_context: Context, registry: Served) -> None:
    """For the agents, and for the gateway, which is built upon it too."""
    found = of_base(based_on(aws_context, registry, "base:1"))
    assert [about for about, _ in found] == ["[images] base", "[images] gateway"]


def test_a_base_that_nobody_named_is_an_error(aws_context: Context, registry: Served) -> None:
    """A push would stop there."""
    found = of_base(based_on(aws_context, registry, None))
    assert {message for _, message in found} == {NO_BASE}


def test_a_definition_that_somebody_deleted_is_told_with_what_makes_it_again(
    aws_context: Context,
) -> None:
    """A push that compares with the record sees nothing to do, and a run would be sent to push."""
    services = a_project(aws_context)
    services.ledger.prepare()
    gone = Definition(
        agent="dev", runtime="ecs_fargate", ref="al-shop-staging-dev:7", image="i", hash="h",
        timeout=3600,
    )  # fmt: skip
    services.ledger.set_fact("definition/dev", gone.to_fact())
    (found,) = preflight_deployed.definitions(services)
    assert found.message == "the task definition al-shop-staging-dev:7 is gone"
    assert "al push -a -E staging" in found.remedy
