"""Images with ECR's own API beside the registry: the login, push times, and deletion, against moto's server."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from moto_tests.answers import answer, success
from tests.images.served import Noted, served
from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.core.clock import now
from toolkit.core.environment import AwsCloud, Environment, Scope
from toolkit.core.errors import AlError, Unreachable
from toolkit.core.ports import Context, LayerFile
from toolkit.images.auth import EcrLogin, login_for
from toolkit.images.oci import OciRegistry, registry_for
from toolkit.images.prune import delete, prunable, pushed
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
    httpx.post(
        f"{endpoint}/moto-api/reset", trust_env=False, timeout=60
    )  # moto's state is the process's
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


def begin_a_second() -> None:
    """What is pushed after it is the newest: moto notes whole seconds."""
    first = int(time.time())
    while int(time.time()) == first:
        time.sleep(0.01)


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


def test_what_ecr_would_not_delete_is_not_said_to_be_gone(account: Account) -> None:
    """An answer of 200 holds failures: an image that an index names stays, one that has gone is gone
    (https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html)."""
    held, gone, other = (push(account, number) for number in range(3))
    ecr = clients_for(cloud_of(account.context.environment)).client("ecr")
    answer(ecr, "BatchDeleteImage", success(imageIds=[{"imageDigest": other}], failures=[
        {"imageId": {"imageDigest": held}, "failureCode": "ImageReferencedByManifestList"},
        {"imageId": {"imageDigest": gone}, "failureCode": "ImageNotFound"},
    ]))  # fmt: skip
    assert delete(account.context, "app", [held, gone, other]) == (gone, other)


def test_a_deletion_that_fails_for_another_reason_is_an_error(account: Account) -> None:
    """No failure is taken for success (API_BatchDeleteImage)."""
    digest = push(account, 1)
    ecr = clients_for(cloud_of(account.context.environment)).client("ecr")
    failure = {"imageId": {"imageDigest": digest}, "failureCode": "KmsError", "failureReason": "no"}
    answer(ecr, "BatchDeleteImage", success(imageIds=[], failures=[failure]))
    with pytest.raises(AlError, match="KmsError"):
        delete(account.context, "app", [digest])


def test_images_are_deleted_a_hundred_at_a_time(account: Account) -> None:
    """As many as one BatchDeleteImage takes."""
    ecr = clients_for(cloud_of(account.context.environment)).client("ecr")
    calls = answer(ecr, "BatchDeleteImage")
    delete(account.context, "app", [f"sha256:{number:064x}" for number in range(150)])
    assert len(calls) == 2


def test_an_archived_image_is_not_there(account: Account) -> None:
    """It cannot be pulled before it is activated, so nothing may go back to it and it does not count among those that
    are kept (https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageDetail.html, imageStatus)."""
    push(account, 1)
    ecr = clients_for(cloud_of(account.context.environment)).client("ecr")
    (found,) = ecr.describe_images(repositoryName="app")["imageDetails"]
    answer(ecr, "DescribeImages", success(imageDetails=[{**found, "imageStatus": "ARCHIVED"}]))
    assert pushed(account.context, "app") == []
    assert len(pushed(account.context, "app")) == 1


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
        account.registry.push_base("al-p-e-dev", f"t{n}", file, {})
        for n, file in enumerate(files[:-1])
    ]
    begin_a_second()
    digests.append(account.registry.push_base("al-p-e-dev", "t6", files[-1], {}))
    services = Services(
        replace(account.context, environment=replace(account.context.environment, keep_images=1))
    )
    facts = {
        "definition/dev": definition(account, digests[1], digests[0]),
        "definition/other": definition(account, digests[2]),
        "project": "p",
    }
    gone = prune(services, ["dev"], facts)
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
    prune(Services(account.context), ["dev"], facts)
    assert prune(Services(account.context), ["dev"], facts) == []
