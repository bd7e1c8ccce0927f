"""Images in Artifact Registry: pushed over its registry, listed, kept and deleted over its API."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from google.cloud import artifactregistry_v1 as ar
from google.cloud import run_v2

from toolkit.clouds.gcp import GcpClients, cloud_of
from toolkit.core.errors import NotFound
from toolkit.core.gcp_names import GcpNames
from toolkit.core.ports import Context, LayerFile
from toolkit.images import artifacts
from toolkit.images.base import image
from toolkit.images.homes import home_of
from toolkit.images.oci import OciRegistry, registry_for
from toolkit.images.prune import in_use, pushed
from toolkit.ops.images import forget, prune
from toolkit.sandbox.gcp.cloud import Google
from toolkit.wiring import Services

HELLO = "al-shop-staging-hello"


@dataclass(frozen=True)
class Shop:
    """An environment with a repository of its own."""

    google: Google
    context: Context
    clients: GcpClients
    registry: OciRegistry

    def push(self, number: int, repository: str = HELLO) -> str:
        """The digest of an image; each is pushed a minute after the one before."""
        self.google.settings = self.google.settings.changed({"clock_ahead": 60.0 * number})
        files = {"/app/n": LayerFile(b"%d" % number)}
        return self.registry.push_base(repository, f"t{number}", files, {})

    def left(self, repository: str = HELLO) -> list[str]:
        return [one.digest for one in pushed(self.context, repository)]

    def job(self, name: str, digest: str, **labels: str) -> None:
        container = {"image": image(self.context, HELLO, digest)}
        template = {"template": {"template": {"containers": [container]}}, "labels": labels}
        jobs: Any = self.clients.client(run_v2.JobsClient)
        jobs.create_job(parent=self.clients.location, job=run_v2.Job(template), job_id=name).result(
            timeout=20
        )

    def definition(self, digest: str, *earlier: str) -> dict[str, Any]:
        images = [image(self.context, HELLO, one) for one in (digest, *earlier)]
        previous = [{"image": one, "ref": "r"} for one in images[1:]]
        return {"image": images[0], "ref": "r", "previous": previous}

    def services(self, keep: int) -> Services:
        environment = replace(self.context.environment, keep_images=keep)
        return Services(replace(self.context, environment=environment))


@pytest.fixture
def shop(google: Google, gcp_context: Context, gcp_clients: GcpClients) -> Shop:
    repository = ar.Repository(format_=ar.Repository.Format.DOCKER)
    client: Any = gcp_clients.client(ar.ArtifactRegistryClient)
    client.create_repository(
        parent=gcp_clients.location, repository_id="al", repository=repository
    ).result(timeout=20)
    return Shop(google, gcp_context, gcp_clients, registry_for(gcp_context))


def test_images_are_named_as_cloud_run_pulls_them(shop: Shop) -> None:
    """`REGION-docker.pkg.dev/PROJECT/REPOSITORY/IMAGE@DIGEST`, in the sandbox too
    (https://cloud.google.com/artifact-registry/docs/docker/names)."""
    digest = shop.push(1)
    name = image(shop.context, HELLO, digest)
    assert name == f"europe-west1-docker.pkg.dev/al-sandbox/al/{HELLO}@{digest}"
    assert shop.google.machine.images.resolve(name) == digest


def test_a_push_makes_no_repository(google: Google, gcp_context: Context) -> None:
    """Artifact Registry answers NAME_UNKNOWN, which says what to do
    (https://cloud.google.com/artifact-registry/docs/docker/pushing-and-pulling)."""
    with pytest.raises(NotFound, match="NAME_UNKNOWN") as error:
        registry_for(gcp_context).push_base(HELLO, "t", {"/n": LayerFile(b"")}, {})
    assert "al push" in error.value.hint


def test_the_registry_s_own_names_are_left_out_by_who_asks(shop: Shop) -> None:
    """Digests and tags are asked for by the image's name alone."""
    digest = shop.push(1)
    assert shop.registry.digest(HELLO, "t1") == digest
    assert shop.registry.tags(HELLO)["t1"] == digest
    assert shop.registry.digest("al-shop-staging-other", "t1") is None


def test_every_version_is_listed_newest_first(shop: Shop) -> None:
    """With its tags, over all pages."""
    digests = [shop.push(number) for number in range(3)]
    shop.google.settings = shop.google.settings.changed({"page_items": 2})
    found = pushed(shop.context, HELLO)
    assert [one.digest for one in found] == digests[::-1]
    assert found[0].tags == ("t2",)


def test_an_image_with_a_slash_is_a_package_of_its_own(shop: Shop) -> None:
    """The base's and the gateway's names have one, which the API wants encoded."""
    digest = shop.push(1, "al-shop-staging/gateway")
    assert shop.left("al-shop-staging/gateway") == [digest]


def test_an_agent_that_was_never_pushed_has_no_images(shop: Shop) -> None:
    """Nothing there is no error."""
    assert pushed(shop.context, HELLO) == []


def test_a_tagged_image_is_deleted_with_its_tags(shop: Shop) -> None:
    """DeleteVersion refuses what is tagged unless it is forced
    (https://cloud.google.com/artifact-registry/docs/docker/manage-images#deleting_images)."""
    one, two = shop.push(1), shop.push(2)
    artifacts.delete(shop.context, HELLO, [one])
    artifacts.delete(shop.context, HELLO, [one])  # gone is fine
    assert shop.left() == [two]
    assert "t1" not in shop.registry.tags(HELLO)


def test_pruning_keeps_the_newest_and_everything_that_is_named(shop: Shop) -> None:
    """By a definition, by one that a rollback returns to, and by a job that outlasts its definition."""
    digests = [shop.push(number) for number in range(8)]
    shop.job("old", digests[2], **GcpNames(shop.context.environment.scope).labels())
    facts = {"definition/hello": shop.definition(digests[1], digests[0]), "project": "shop"}
    gone = prune(shop.services(keep=3), ["hello"], facts)
    assert gone == [f"{HELLO}@{digests[3]}"]
    assert set(shop.left()) == set(digests) - {digests[3]}
    assert prune(shop.services(keep=3), ["hello"], facts) == []


def test_only_jobs_of_the_environment_count(shop: Shop) -> None:
    """What somebody else's job runs is not ours to know; it is not named as ours is."""
    shop.job("foreign", shop.push(1), team="other")
    assert in_use(shop.context) == set()


def test_nothing_pushed_asks_for_no_job(shop: Shop) -> None:
    """A push without a new image costs no call."""
    shop.google.counts.clear()
    assert prune(shop.services(keep=0), [], {}) == []
    assert not shop.google.counts


def test_an_agent_that_is_gone_leaves_no_images(shop: Shop) -> None:
    """They are in a repository that all agents share, so it does not take them along."""
    kept = shop.push(1, "al-shop-staging-other")
    shop.push(2)
    services = shop.services(keep=3)
    services.ledger.prepare()
    fact = f"image/europe-west1-docker.pkg.dev/al-sandbox/al/{HELLO}"
    services.ledger.set_fact(fact, {"tag": "t2", "digest": "d"})
    forget(services, "hello")
    assert (shop.left(), shop.left("al-shop-staging-other")) == ([], [kept])
    assert services.ledger.fact(fact) is None


def test_the_token_is_asked_for_when_it_is_needed(shop: Shop) -> None:
    """`oauth2accesstoken`, and the token of whoever runs `al`: nothing that is kept
    (https://cloud.google.com/artifact-registry/docs/docker/authentication#token)."""
    home = home_of(shop.context.environment)
    answered = home.login()
    assert answered is not None
    assert (answered[0], home.eager) == ("oauth2accesstoken", False)


def test_what_another_region_names_is_not_ours(shop: Shop) -> None:
    """Jobs are of a region, and so are images."""
    elsewhere = replace(cloud_of(shop.context.environment), region="us-central1")
    environment = replace(shop.context.environment, cloud=elsewhere)
    shop.job("ours", shop.push(1), **GcpNames(environment.scope).labels())
    assert in_use(replace(shop.context, environment=environment)) == set()
