"""AWS for tests: moto's server on a loopback port, reset before each test.

What moto falls over on and the real services accept is mended here, never in the product.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import RLock
from typing import Any

import botocore.session
import httpx
import pytest
from moto.dynamodb.responses import DynamoHandler
from moto.ecs import models as ecs
from moto.server import ThreadedMotoServer

from moto_tests.given import ACCOUNT, CLUSTER, IMAGE, MOMENT, REGION, agent
from moto_tests.pulumi_double import Double, installed, settings, with_provider
from runtimes.ecs_fargate import EcsFargate
from toolkit.clouds.aws import Clients, clients_for, tag_list
from toolkit.clouds.aws_network import default_place
from toolkit.core.environment import AwsCloud, Environment, Scope
from toolkit.core.ports import Context


@pytest.fixture(scope="session", autouse=True)
def models_are_read_once() -> Iterator[None]:
    """Every test has clients of its own; the services' descriptions, which take longest, are read once."""
    plain = botocore.session.create_loader
    botocore.session.create_loader = cache(plain)
    yield
    botocore.session.create_loader = plain


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """The endpoint of a moto server that lives as long as the tests."""
    with moto_server() as url:
        yield url


@contextmanager
def moto_server() -> Iterator[str]:
    """The URL of a moto server, mended."""
    _mend_ecs()
    _mend_dynamodb()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def tasks_go_on(url: str) -> None:
    """A task goes on until somebody stops it, however often it is looked at."""
    transition = {"progression": "manual", "times": 1_000_000}
    settings = {"model_name": "ecs::task", "transition": transition}
    httpx.post(f"{url}/moto-api/state-manager/set-transition", json=settings, timeout=60)


@pytest.fixture
def aws_endpoint(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The endpoint, of an account that holds nothing, for a user without any AWS settings."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    httpx.post(f"{moto_url}/moto-api/reset", timeout=60).raise_for_status()
    httpx.post(f"{moto_url}/moto-api/config", json={"lambda": {"use_docker": False}}, timeout=60)
    tasks_go_on(moto_url)
    clients_for.cache_clear()
    return moto_url


@pytest.fixture
def aws_cloud(aws_endpoint: str) -> AwsCloud:
    return AwsCloud(region=REGION, account=ACCOUNT, endpoint=aws_endpoint)


@pytest.fixture
def aws_context(aws_cloud: AwsCloud, tmp_path: Path) -> Context:
    """Project `shop` in environment `staging`, on moto."""
    environment = Environment(
        name="staging", scope=Scope(project="shop", environment="staging"), cloud=aws_cloud
    )
    return Context(environment=environment, home=tmp_path / "home", project=tmp_path / "project")


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Double:
    """A double of Pulumi's CLI whose provider is there already, for a user without any settings of Pulumi's."""
    for name in ("PASSPHRASE", "PASSPHRASE_FILE"):
        monkeypatch.delenv(f"PULUMI_CONFIG_{name}", raising=False)
    monkeypatch.delenv("PULUMI_ACCESS_TOKEN", raising=False)
    monkeypatch.setenv("PULUMI_HOME", str(with_provider(tmp_path / "pulumi-home")))
    return installed(tmp_path / "pulumi")


@pytest.fixture
def pulumi_context(aws_context: Context, pulumi: Double) -> Context:
    """The environment, with that CLI."""
    return settings(aws_context, root=str(pulumi.root))


@pytest.fixture
def fargate(aws_context: Context) -> EcsFargate:
    """The runtime as `al` makes it, at a moment that does not move."""
    return EcsFargate(aws_context, clock=lambda: MOMENT, sleep=lambda _: None)


@pytest.fixture
def pushed(fargate: EcsFargate) -> str:
    """An environment with a cluster, a security group and the agent `dev` defined."""
    fargate.clients.client("ecs").create_cluster(clusterName=CLUSTER)
    make_group(fargate)
    return fargate.define(fargate.definition(agent(), IMAGE))


def make_group(fargate: EcsFargate) -> str:
    """The id of the tasks' security group, as push makes it in the default VPC."""
    names, vpc = fargate._names, default_place(fargate.clients).vpc
    tags = tag_list(names.tags(), "Key", "Value")
    answer = fargate.clients.client("ec2").create_security_group(
        GroupName=names.security_group("tasks"),
        Description="out",
        VpcId=vpc,
        TagSpecifications=[{"ResourceType": "security-group", "Tags": tags}],
    )
    return str(answer["GroupId"])


@pytest.fixture
def counted() -> Iterator[Callable[[Clients], list[str]]]:
    """Writes down every call that these clients make from now on, as `ecs.RunTask`."""
    watched: list[Any] = []
    calls: list[str] = []

    def note(model: Any, **_: Any) -> None:
        calls.append(f"{model.service_model.service_name}.{model.name}")

    def count(clients: Clients) -> list[str]:
        watched.append(clients.session.events)
        watched.extend(client.meta.events for client in clients._made.values())
        for events in watched:
            events.register("before-call", note)
        return calls

    yield count
    for events in watched:
        events.unregister("before-call", note)


def _mend_dynamodb() -> None:
    """One request at a time: moto's transactions are neither atomic nor apart between the server's threads, and one that
    is refused puts the whole table back as it was before it."""
    plain, lock = DynamoHandler.call_action, RLock()

    def call_action(self: Any) -> Any:
        with lock:
            return plain(self)

    DynamoHandler.call_action = call_action  # type: ignore[method-assign]


def _mend_ecs() -> None:
    """moto fails with 500 when a Fargate container has no memory of its own, or a task no security groups: both
    are optional (API reference: ContainerDefinition.memory, AwsVpcConfiguration.securityGroups)."""
    nothing = {"CPU": 0, "MEMORY": 0, "PORTS": [], "PORTS_UDP": []}
    ecs.EC2ContainerServiceBackend._calculate_task_resource_requirements = staticmethod(  # type: ignore[method-assign]
        lambda _: dict(nothing)
    )
    plain = ecs.EC2ContainerServiceBackend.run_task

    def run_task(self: Any, *args: Any, **kwargs: Any) -> Any:
        for value in (*args, *kwargs.values()):
            if isinstance(value, dict) and "awsvpcConfiguration" in value:
                value["awsvpcConfiguration"].setdefault("securityGroups", [])
        return plain(self, *args, **kwargs)

    ecs.EC2ContainerServiceBackend.run_task = run_task  # type: ignore[method-assign]
