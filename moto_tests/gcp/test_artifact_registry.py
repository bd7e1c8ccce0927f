"""Artifact Registry: repositories, what a push makes of them, and what goes by itself.

https://cloud.google.com/artifact-registry/docs.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from google.api_core import exceptions
from google.cloud import artifactregistry_v1 as ar

from moto_tests.gcp.run_world import CloudRun
from moto_tests.sandbox.images import AUTH, push

DAY = 24 * 3600


@pytest.fixture
def client(cloud_run: CloudRun) -> Any:
    cloud_run.repository()
    return cloud_run.clients.client(ar.ArtifactRegistryClient)


@pytest.fixture
def pushed(cloud_run: CloudRun, client: Any) -> Callable[..., str]:
    """Push a small image: `pushed("dev", "text")` is its digest."""

    def make(package: str = "dev", text: str = "1") -> str:
        path = f"{cloud_run.google.project}/al/{package}"
        return push(cloud_run.google.machine.registry, path, {"app/main.py": text}, {})

    return make


def name(cloud_run: CloudRun, package: str = "", version: str = "", tag: str = "") -> str:
    """The API's name of a thing in the repository `al`."""
    parts = {"packages": package, "versions": version, "tags": tag}
    rest = "".join(f"/{kind}/{value}" for kind, value in parts.items() if value)
    return f"{cloud_run.clients.location}/repositories/al{rest}"


# repositories


@pytest.mark.parametrize("id_", ["My-repo", "my_repo", "a/b", "1a", "a-", "a" * 64, ""])
def test_an_id_is_lowercase_letters_digits_and_hyphens(
    cloud_run: CloudRun, client: Any, id_: str
) -> None:
    """63 characters, a letter first, no hyphen last
    (https://cloud.google.com/artifact-registry/docs/repositories/create-repos)."""
    request = {"parent": cloud_run.clients.location, "repository_id": id_}
    with pytest.raises(exceptions.InvalidArgument):
        client.create_repository(request={**request, "repository": {"format_": "DOCKER"}})


def test_a_repository_has_a_format(cloud_run: CloudRun, client: Any) -> None:
    """Fixed at its creation (Repository.format)."""
    request = {"parent": cloud_run.clients.location, "repository_id": "other"}
    with pytest.raises(exceptions.InvalidArgument, match="format"):
        client.create_repository(request=request)
    changed = {"repository": {"name": name(cloud_run)}, "update_mask": {"paths": ["format"]}}
    with pytest.raises(exceptions.InvalidArgument, match="update_mask"):
        client.update_repository(request=changed)


def test_a_second_repository_of_a_name_is_refused(cloud_run: CloudRun, client: Any) -> None:
    """ALREADY_EXISTS."""
    request = {"parent": cloud_run.clients.location, "repository_id": "al"}
    with pytest.raises(exceptions.AlreadyExists):
        client.create_repository(request={**request, "repository": {"format_": "DOCKER"}})


@pytest.mark.parametrize("labels", [{"Team": "a"}, {"a": "B"}, {"a": "x" * 64}])
def test_labels_are_lowercase(cloud_run: CloudRun, client: Any, labels: dict[str, str]) -> None:
    """Repository.labels: at most 63 characters, lowercase."""
    repository = {"format_": "DOCKER", "labels": labels}
    request = {"parent": cloud_run.clients.location, "repository_id": "other"}
    with pytest.raises(exceptions.InvalidArgument, match="label"):
        client.create_repository(request={**request, "repository": repository})


def test_a_push_needs_a_repository_that_exists(cloud_run: CloudRun, client: Any) -> None:
    """A push makes none (https://cloud.google.com/artifact-registry/docs/docker/pushing-and-pulling)."""
    registry = f"http://{cloud_run.google.machine.registry}/v2/{cloud_run.google.project}"
    answer = httpx.post(f"{registry}/nothing/dev/blobs/uploads/", headers=AUTH)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "NAME_UNKNOWN")
    assert httpx.post(f"{registry}/al/dev/blobs/uploads/", headers=AUTH).status_code == 202


def test_a_deleted_repository_takes_its_images_along(
    cloud_run: CloudRun, client: Any, pushed: Callable[..., str]
) -> None:
    """In the API and in the registry."""
    digest = pushed()
    client.delete_repository(name=name(cloud_run)).result(timeout=5)
    cloud_run.repository()
    assert list(client.list_packages(parent=name(cloud_run))) == []
    url = f"http://{cloud_run.google.machine.registry}/v2/{cloud_run.google.project}/al/dev/manifests/{digest}"
    assert httpx.get(url, headers=AUTH).status_code == 404


# images


def test_a_push_is_a_package_with_a_version_and_a_tag(
    cloud_run: CloudRun, client: Any, pushed: Callable[..., str]
) -> None:
    """Slashes of an image's name are encoded in the package's
    (https://cloud.google.com/artifact-registry/docs/docker/names)."""
    digest = pushed("shop/dev")
    package = name(cloud_run, "shop%2Fdev")
    assert [p.name for p in client.list_packages(parent=name(cloud_run))] == [package]
    request = {"parent": package, "view": ar.VersionView.FULL}
    (version,) = client.list_versions(request=request)
    assert version.name == f"{package}/versions/{digest}"
    assert [tag.name for tag in version.related_tags] == [f"{package}/tags/latest"]
    (image,) = client.list_docker_images(parent=name(cloud_run))
    host = f"{cloud_run.google.region}-docker.pkg.dev/{cloud_run.google.project}"
    assert image.uri == f"{host}/al/shop/dev@{digest}"
    assert list(image.tags) == ["latest"]


def test_a_tag_moves_with_a_push(
    cloud_run: CloudRun, client: Any, pushed: Callable[..., str]
) -> None:
    """The older version stays, without a tag."""
    first, second = pushed(text="1"), pushed(text="2")
    (tag,) = client.list_tags(request={"parent": name(cloud_run, "dev")})
    assert tag.version == name(cloud_run, "dev", second)
    versions = client.list_versions(parent=name(cloud_run, "dev"))
    assert [v.name for v in versions] == [name(cloud_run, "dev", d) for d in (first, second)]


def test_a_tagged_version_goes_only_by_force(
    cloud_run: CloudRun, client: Any, pushed: Callable[..., str]
) -> None:
    """DeleteVersionRequest.force; deletion is an operation."""
    request = {"name": name(cloud_run, "dev", pushed())}
    with pytest.raises(exceptions.FailedPrecondition, match="tagged"):
        client.delete_version(request=request)
    client.delete_version(request={**request, "force": True}).result(timeout=5)
    assert list(client.list_packages(parent=name(cloud_run))) == []


def test_many_versions_can_go_at_once(
    cloud_run: CloudRun, client: Any, pushed: Callable[..., str]
) -> None:
    """BatchDeleteVersions, with their tags."""
    digests = [pushed(text=text) for text in "123"]
    names = [name(cloud_run, "dev", digest) for digest in digests[:2]]
    request = {"parent": name(cloud_run, "dev"), "names": names}
    client.batch_delete_versions(request=request).result(timeout=5)
    versions = client.list_versions(parent=name(cloud_run, "dev"))
    assert [v.name for v in versions] == [name(cloud_run, "dev", digests[2])]


def test_a_deleted_tag_leaves_its_version(
    cloud_run: CloudRun, client: Any, pushed: Callable[..., str]
) -> None:
    """Unlike in other registries."""
    digest = pushed()
    client.delete_tag(name=f"{name(cloud_run, 'dev')}/tags/latest")
    assert client.get_version(name=name(cloud_run, "dev", digest)).name.endswith(digest)


def test_a_tag_can_be_made_and_moved(
    cloud_run: CloudRun, client: Any, pushed: Callable[..., str]
) -> None:
    """CreateTag and UpdateTag."""
    first, second = (name(cloud_run, "dev", pushed(text=text)) for text in "12")
    request = {"parent": name(cloud_run, "dev"), "tag_id": "live", "tag": {"version": first}}
    tag = client.create_tag(request=request)
    assert tag.version == first
    tag.version = second
    assert client.update_tag(tag=tag).version == second


def test_immutable_tags_neither_move_nor_go(
    cloud_run: CloudRun, client: Any, pushed: Callable[..., str]
) -> None:
    """New ones may be made (DockerRepositoryConfig.immutable_tags)."""
    digest = pushed(text="1")
    repository = {"name": name(cloud_run), "docker_config": {"immutable_tags": True}}
    mask = {"paths": ["docker_config"]}
    client.update_repository(request={"repository": repository, "update_mask": mask})
    with pytest.raises(httpx.HTTPStatusError):
        pushed(text="2")
    with pytest.raises(exceptions.FailedPrecondition):
        client.delete_tag(name=f"{name(cloud_run, 'dev')}/tags/latest")
    version = {"name": name(cloud_run, "dev", digest), "force": True}
    with pytest.raises(exceptions.FailedPrecondition):
        client.delete_version(request=version)


def test_what_is_not_there_is_not_found(cloud_run: CloudRun, client: Any) -> None:
    """NOT_FOUND, at every level."""
    with pytest.raises(exceptions.NotFound):
        client.get_repository(name=f"{name(cloud_run)}-other")
    with pytest.raises(exceptions.NotFound):
        client.get_package(name=name(cloud_run, "dev"))
    with pytest.raises(exceptions.NotFound):
        list(client.list_versions(parent=name(cloud_run, "dev")))


# cleaning


def policies(client: Any, cloud_run: CloudRun, *, dry_run: bool = False, **rules: Any) -> None:
    """Give the repository these cleanup policies."""
    repository = {
        "name": name(cloud_run),
        "cleanup_policies": {key: {"id": key, **rule} for key, rule in rules.items()},
        "cleanup_policy_dry_run": dry_run,
    }
    mask = {"paths": ["cleanup_policies", "cleanup_policy_dry_run"]}
    client.update_repository(request={"repository": repository, "update_mask": mask})


OLD = {"action": "DELETE", "condition": {"older_than": timedelta(hours=1)}}
NEWEST = {"action": "KEEP", "most_recent_versions": {"keep_count": 1}}


def left(client: Any, cloud_run: CloudRun) -> list[str]:
    client.get_repository(name=name(cloud_run))
    found = client.list_docker_images(parent=name(cloud_run))
    return [image.uri.partition("@")[2] for image in found]


def test_cleaning_takes_about_a_day(
    cloud_run: CloudRun, client: Any, pushed: Callable[..., str], manners: Callable[..., None]
) -> None:
    """A background job; what one policy keeps no other deletes
    (https://cloud.google.com/artifact-registry/docs/repositories/cleanup-policy-overview)."""
    digests = [pushed(text=text) for text in "123"]
    policies(client, cloud_run, old=OLD, newest=NEWEST)
    manners(clock_ahead=2 * 3600)
    assert left(client, cloud_run) == digests
    manners(clock_ahead=DAY + 60)
    assert left(client, cloud_run) == digests[2:]


def test_a_dry_run_of_policies_deletes_nothing(
    cloud_run: CloudRun, client: Any, pushed: Callable[..., str], manners: Callable[..., None]
) -> None:
    """Repository.cleanup_policy_dry_run."""
    digest = pushed()
    policies(client, cloud_run, dry_run=True, old=OLD)
    manners(clock_ahead=DAY + 60)
    assert left(client, cloud_run) == [digest]


def test_policies_see_tags_and_packages(
    cloud_run: CloudRun, client: Any, pushed: Callable[..., str], manners: Callable[..., None]
) -> None:
    """CleanupPolicyCondition: all that is set must be met."""
    pushed("dev", "1")
    tagged, other = pushed("dev", "2"), [pushed("ops", text) for text in "12"]
    condition = {"tag_state": "UNTAGGED", "package_name_prefixes": ["de"]}
    policies(client, cloud_run, untagged={"action": "DELETE", "condition": condition})
    manners(clock_ahead=DAY + 60)
    assert left(client, cloud_run) == [tagged, *other]


@pytest.mark.parametrize(
    "rule",
    [
        {"action": "DELETE", "most_recent_versions": {"keep_count": 1}},
        {"action": "DELETE"},
        {"condition": {"tag_state": "ANY"}},
    ],
)
def test_a_policy_that_is_none_is_refused(
    cloud_run: CloudRun, client: Any, rule: dict[str, Any]
) -> None:
    """most_recent_versions goes with KEEP only; an action and a rule are needed."""
    with pytest.raises(exceptions.InvalidArgument):
        policies(client, cloud_run, rule=rule)
    with pytest.raises(exceptions.InvalidArgument):
        policies(client, cloud_run, **{"x" * 128: OLD})


def test_a_job_whose_image_was_cleaned_away_fails_at_its_next_run(
    cloud_run: CloudRun, client: Any, manners: Callable[..., None]
) -> None:
    """A policy does not ask who still needs an image."""
    job = cloud_run.create(cloud_run.job(cloud_run.image("print('cleaned away')")))
    policies(client, cloud_run, old=OLD)
    manners(clock_ahead=DAY + 60)
    assert left(client, cloud_run) == []
    assert "not found" in cloud_run.ended(cloud_run.run(job.name)).conditions[0].message
