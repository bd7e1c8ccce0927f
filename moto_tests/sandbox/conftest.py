"""A sandbox for these tests alone, in a home of its own, and clients that see it as they would see AWS."""

import json
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from toolkit.sandbox import daemon
from toolkit.sandbox.state import Sandbox

from .images import push

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
    given: dict[str, Any] = {}
    plain = {name: 0 for name in ("start_delay", "ingestion_delay", "duplicate_events")}
    plain |= {"pending_calls": 0, "missing_calls": 0, "creating_calls": 0, "retry_seconds": 60}

    def change(**values: Any) -> None:
        given.update(values)
        _post(sandbox, values)

    yield change
    _post(sandbox, {**plain, "start_failure": ""})


def _post(sandbox: Sandbox, values: Mapping[str, Any]) -> None:
    data = json.dumps(values).encode()
    request = urllib.request.Request(f"{sandbox.endpoint}/al-sandbox/settings", data=data)
    urllib.request.urlopen(request, timeout=10).close()


@pytest.fixture(scope="session")
def image(client: Callable[..., Any], sandbox: Sandbox) -> Callable[..., str]:
    """Push a small image: `image("name", {"app/main.py": "..."})` is its reference by digest."""

    def make(repository: str, files: Mapping[str, str], **config: Any) -> str:
        ecr = client("ecr")
        try:
            ecr.create_repository(repositoryName=repository)
        except ecr.exceptions.RepositoryAlreadyExistsException:
            pass
        digest = push(sandbox.registry, repository, files, config)
        host = f"{sandbox.account}.dkr.ecr.{sandbox.region}.amazonaws.com"
        return f"{host}/{repository}@{digest}"

    return make


@pytest.fixture(scope="session")
def role(client: Callable[..., Any]) -> Callable[..., str]:
    """An IAM role that a service may assume: `role("name", "ecs-tasks")` is its ARN."""

    def make(name: str, service: str) -> str:
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": f"{service}.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
        iam = client("iam")
        try:
            made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        except iam.exceptions.EntityAlreadyExistsException:
            made = iam.get_role(RoleName=name)
        return str(made["Role"]["Arn"])

    return make


@pytest.fixture(scope="session")
def home_of(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp()
