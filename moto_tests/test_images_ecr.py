"""Images with ECR's own API beside the registry: the login, push times, and deletion, against moto's server."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from tests.images.served import Noted, served
from toolkit.core.clock import now
from toolkit.core.environment import AwsCloud, Environment, Scope
from toolkit.core.errors import Unreachable
from toolkit.core.ports import Context, LayerFile
from toolkit.images.auth import EcrLogin, login_for
from toolkit.images.oci import OciRegistry, registry_for
from toolkit.images.prune import prunable, pushed
from toolkit.ops.images import prune
from toolkit.sandbox.registry import Registry, Storage
from toolkit.wiring import Services

ACCOUNT, REGION = "123456789012", "eu-west-1"


@dataclass
class Account:
    """moto's ECR, a registry that tells it what was pushed, and our client of both."""

    ecr: Any
    context: Context
    front: Noted
    registry: OciRegistry

    @property
    def cloud(self) -> AwsCloud:
        assert isinstance(self.context.environment.cloud, AwsCloud)
        return self.context.environment.cloud


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    endpoint = "http://{}:{}".format(*server.get_host_and_port())
    httpx.post(f"{endpoint}/moto-api/reset", trust_env=False)  # moto's state is the process's
    ecr = boto3.client(
        "ecr",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )
    ecr.create_repository(repositoryName="app")
    front = Noted(registry_beside(ecr, tmp_path))
    with served(front) as url:
        cloud = AwsCloud(region=REGION, account=ACCOUNT, endpoint=endpoint, registry=url)
        environment = Environment(name="e", scope=Scope(project="p", environment="e"), cloud=cloud)
        context = Context(environment=environment, home=tmp_path, project=tmp_path)
        registry = registry_for(context)
        yield Account(ecr=ecr, context=context, front=front, registry=registry)
        registry.home.close()
    server.stop()
    ecr.close()


def registry_beside(ecr: Any, root: Path) -> Registry:
    def exists(name: str) -> bool:
        return name in {r["repositoryName"] for r in ecr.describe_repositories()["repositories"]}

    def tell(repository: str, tag: str | None, digest: str, media_type: str, manifest: str) -> None:
        named = {"imageTag": tag} if tag else {}
        ecr.put_image(
            repositoryName=repository,
            imageManifest=manifest,
            imageManifestMediaType=media_type,
            imageDigest=digest,
            **named,
        )

    def forget(repository: str, digest: str) -> None:
        ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageDigest": digest}])

    return Registry(
        storage=Storage(root / "registry"),
        repository_exists=exists,
        authorised=lambda password: password == f"{ACCOUNT}-auth-token",
        on_manifest=tell,
        on_delete=forget,
    )


def push(account: Account, number: int) -> str:
    files = {"/app/n": LayerFile(b"%d" % number)}
    return account.registry.push_base("app", f"t{number}", files, {})


def test_ecr_and_the_registry_name_the_same_image(account: Account) -> None:
    """What was pushed over HTTP is in DescribeImages under the same digest and tag."""
    digest = push(account, 1)
    (image,) = pushed(account.context, "app")
    assert (image.digest, image.tags) == (digest, ("t1",))
    assert abs(now() - image.time) < timedelta(minutes=5)


def test_the_login_is_ecrs_token_sent_unasked(account: Account) -> None:
    """Basic `AWS:<token>` from the first request on: no round trip for a challenge (ECR user guide, private registry authentication)."""
    account.registry.digest("app", "none")
    assert len(account.front.headers) == 1
    assert account.front.headers[0]["HTTP_AUTHORIZATION"].startswith("Basic ")


def test_a_login_is_asked_for_once_until_it_runs_out(account: Account) -> None:
    """A token lasts 12 hours; a push that begins near its end gets a new one."""
    moment = [now()]
    login = EcrLogin(account.cloud, clock=lambda: moment[0])
    first = login()
    assert login()[1] is first[1]
    moment[0] += timedelta(hours=11, minutes=1)
    assert login()[1] is not first[1]
    assert first[0] == "AWS"
    assert "auth-token" not in repr(first)


def test_ecr_of_another_region_has_its_own_login(account: Account) -> None:
    """A base image may be in another region or account; other hosts get what docker knows of them."""
    login, eager = login_for(f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com", account.cloud)
    assert eager
    assert login() is not None
    assert login_for("ghcr.io", account.cloud)[1] is False


def test_an_ecr_that_does_not_answer_is_said_to_be(account: Account) -> None:
    """The login comes before the registry: its failure is one of our errors too."""
    closed = replace(account.cloud, endpoint="http://127.0.0.1:9")
    with pytest.raises(Unreachable):
        EcrLogin(closed)()


def test_a_repository_that_is_not_there_has_no_images(account: Account) -> None:
    """Before the first push there is nothing to prune."""
    assert pushed(account.context, "nowhere") == []


def test_pruning_deletes_in_ecr_and_in_the_registry(account: Account) -> None:
    """Over the registry's HTTP API, which ECR has for deletion too (https://github.com/aws/containers-roadmap/issues/1229)."""
    digests = [push(account, number) for number in range(6)]
    gone = prunable(pushed(account.context, "app"), named={digests[0]}, keep=3)
    account.registry.delete("app", gone)
    left = {image.digest for image in pushed(account.context, "app")}
    assert gone
    assert left >= {digests[0]}
    assert left == set(digests) - set(gone) == set(account.registry.tags("app").values())


def definition(account: Account, digest: str, *earlier: str) -> dict[str, Any]:
    """A definition's fact, and those that a rollback can return to."""
    host = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
    previous = [{"image": f"{host}/al-p-e-dev@{d}", "ref": "r"} for d in earlier]
    return {"image": f"{host}/al-p-e-dev@{digest}", "ref": "r", "previous": previous}


def test_what_any_definition_names_stays_whoever_s_it_is(account: Account) -> None:
    """The running image, what a rollback may return to, and what another agent runs: never pruned. The newest and as
    many before it as the environment keeps stay, too."""
    account.ecr.create_repository(repositoryName="al-p-e-dev")
    files = [{"/app/n": LayerFile(b"%d" % number)} for number in range(7)]
    digests = [
        account.registry.push_base("al-p-e-dev", f"t{n}", file, {}) for n, file in enumerate(files)
    ]
    services = Services(
        replace(account.context, environment=replace(account.context.environment, keep_images=1))
    )
    facts = {
        "definition/dev": definition(account, digests[1], digests[0]),
        "definition/other": definition(account, digests[2]),
        "project": "p",
    }
    gone = prune(services, "dev", facts)
    left = {image.digest for image in pushed(account.context, "al-p-e-dev")}
    assert left >= {digests[0], digests[1], digests[2], digests[6]}
    assert {name.rpartition("@")[2] for name in gone} == set(digests) - left
    assert len(left) == 5


def test_pruning_again_deletes_nothing(account: Account) -> None:
    """A second push of the same is free of surprises."""
    account.ecr.create_repository(repositoryName="al-p-e-dev")
    digests = [
        account.registry.push_base("al-p-e-dev", f"t{n}", {"/n": LayerFile(b"%d" % n)}, {})
        for n in range(6)
    ]
    facts = {"definition/dev": definition(account, digests[5], *digests[2:5])}
    prune(Services(account.context), "dev", facts)
    assert prune(Services(account.context), "dev", facts) == []
