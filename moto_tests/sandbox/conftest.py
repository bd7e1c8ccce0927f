"""A sandbox for these tests alone, in a home of its own, and clients that see it as they would see AWS."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config

from toolkit.sandbox import daemon
from toolkit.sandbox.settings import Settings
from toolkit.sandbox.state import Sandbox

from . import programs
from .images import push
from .world import World, make_role

KEYS = {
    "aws_access_key_id": "admin",
    "aws_secret_access_key": "admin",
}  # any key is an administrator's


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A running sandbox, ended with the session."""
    home = tmp_path_factory.mktemp("home")
    yield daemon.start(home)
    daemon.stop(home)


@pytest.fixture(scope="session")
def client(sandbox: Sandbox) -> Callable[..., Any]:
    """boto3 clients of the sandbox: `client("ecs")`.  No retries, so that a refusal is one call."""

    def make(service: str, **options: Any) -> Any:
        settings = Config(retries={"total_max_attempts": 1}, **options)
        return boto3.client(
            service,
            region_name=sandbox.region,
            endpoint_url=sandbox.endpoint,
            config=settings,
            **KEYS,
        )

    return make


@pytest.fixture
def settings(sandbox: Sandbox) -> Iterator[Callable[..., None]]:
    """Give the sandbox manners for one test: `settings(start_delay=1)`."""
    yield lambda **values: _post(sandbox, values)
    _post(sandbox, asdict(Settings()))


def _post(sandbox: Sandbox, values: Mapping[str, Any]) -> None:
    httpx.post(f"{sandbox.endpoint}/al-sandbox/settings", json=values).raise_for_status()


@pytest.fixture(scope="session")
def image(client: Callable[..., Any], sandbox: Sandbox) -> Callable[..., str]:
    """Push a small image: `image("name", {"app/main.py": "..."})` is its reference by digest."""

    def make(repository: str, files: Mapping[str, str], **config: Any) -> str:
        ecr = client("ecr")
        with suppress(ecr.exceptions.RepositoryAlreadyExistsException):
            ecr.create_repository(repositoryName=repository)
        digest = push(sandbox.registry, repository, files, config)
        host = f"{sandbox.account}.dkr.ecr.{sandbox.region}.amazonaws.com"
        return f"{host}/{repository}@{digest}"

    return make


@pytest.fixture(scope="session")
def role(client: Callable[..., Any]) -> Callable[..., str]:
    """An IAM role that a service may assume, allowed everything unless told: `role("name", "ecs-tasks")`."""
    return lambda name, service, *allowed: make_role(client("iam"), name, service, *allowed)


@pytest.fixture(scope="session")
def world(client: Callable[..., Any], image: Callable[..., str], role: Callable[..., str]) -> World:
    return World(client, image, role).ready()


@pytest.fixture
def function(world: World, request: pytest.FixtureRequest) -> Callable[..., str]:
    """Make a function that answers as programs.RUNTIME does, with one published version; its name."""

    def make(name: str = "", **more: Any) -> str:
        name = name or request.node.name[:60].replace("[", "-").replace("]", "")
        image = world.image("tests/function", {"app/main.py": programs.RUNTIME}, **programs.PYTHON)
        world.client("lambda").create_function(
            **{
                "FunctionName": name,
                "PackageType": "Image",
                "Code": {"ImageUri": image},
                "Role": world.role("tests-lambda", "lambda"),
                "Timeout": 30,
                "Publish": True,
                **more,
            }
        )
        return name

    return make
