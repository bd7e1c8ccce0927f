"""The sandbox's registry over real HTTP: manifests, tags, and the disk beneath."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.images.served import BASIC, TOKEN, Served, put_blob, sandbox_registry
from tests.sandbox.registry_words import INDEX, MANIFEST, code, manifest, pushed, put, sha, upload
from toolkit.core.errors import NotFound
from toolkit.sandbox.registry import Storage


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Served]:
    with sandbox_registry(tmp_path, repositories=("app", "a/b", "immutable")) as registry:
        yield registry


@pytest.fixture
def http(sandbox: Served) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=sandbox.url, headers={"Authorization": BASIC}, trust_env=False
    ) as client:
        yield client


# manifests


def test_a_manifest_comes_back_as_it_was_pushed(sandbox: Served, http: httpx.Client) -> None:
    """By tag and by digest, byte for byte, with its media type."""
    data = manifest(config=put_blob(sandbox.storage, "app", b"{}"))
    assert put(http, "app", "one", data).status_code == 201
    by_tag, by_digest = (
        http.get("/v2/app/manifests/one"),
        http.get(f"/v2/app/manifests/{sha(data)}"),
    )
    assert by_tag.content == by_digest.content == data
    assert by_tag.headers["Content-Type"] == MANIFEST
    assert http.head("/v2/app/manifests/one").headers["Docker-Content-Digest"] == sha(data)


def test_the_cloud_hears_of_a_manifest_exactly_as_pushed(
    sandbox: Served, http: httpx.Client
) -> None:
    """The callback gets the very text, so that hashing it again gives the same digest."""
    digest = pushed(sandbox, http)
    (told,) = sandbox.told
    assert told[:4] == ("app", "one", digest, MANIFEST)
    assert sha(told[4].encode()) == digest


def test_the_executor_reads_images_without_http(sandbox: Served, http: httpx.Client) -> None:
    """Storage.manifest by tag and digest, and the blob's place."""
    digest = pushed(sandbox, http, text=b"config")
    assert sandbox.storage.manifest("app", "one") == sandbox.storage.manifest("app", digest)
    found = sandbox.storage.manifest("app", "one")[1]
    assert sandbox.storage.blob_path(found["config"]["digest"]).read_bytes() == b"config"


def test_a_manifest_without_its_blobs_is_refused(sandbox: Served, http: httpx.Client) -> None:
    """All layers must have been pushed to this repository (ECR API, PutImage: LayersNotFoundException)."""
    config = put_blob(sandbox.storage, "app", b"{}")
    elsewhere = put_blob(sandbox.storage, "a/b", b"layer")
    answer = put(http, "app", "one", manifest(elsewhere, config=config))
    assert code(answer) == (400, "MANIFEST_BLOB_UNKNOWN")
    assert elsewhere in answer.json()["errors"][0]["message"]
    assert http.head("/v2/app/manifests/one").status_code == 404


def test_an_index_needs_its_children(sandbox: Served, http: httpx.Client) -> None:
    """Children first (ECR API, PutImage: ReferencedImagesNotFoundException)."""
    child = pushed(sandbox, http)
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [{"digest": child}]}
    assert put(http, "app", "index", json.dumps(index).encode(), INDEX).status_code == 201
    index["manifests"] = [{"digest": sha(b"absent")}]
    assert code(put(http, "app", "index", json.dumps(index).encode(), INDEX)) == (
        400,
        "MANIFEST_UNKNOWN",
    )


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"not json", MANIFEST),
        (b"[]", MANIFEST),
        (b"{}", MANIFEST),
        (b'{"config":3,"layers":[]}', MANIFEST),
        (b"{}", "text/plain"),
        (b'{"mediaType":"other"}', MANIFEST),
        (b" " * (4 * 1024 * 1024 + 1), MANIFEST),
    ],
)
def test_what_is_no_manifest_is_refused(http: httpx.Client, data: bytes, kind: str) -> None:
    """Among them one of more than 4 MiB (ECR API, PutImage: imageManifest)."""
    assert code(put(http, "app", "one", data, kind)) == (400, "MANIFEST_INVALID")


def test_a_manifest_under_a_wrong_digest_is_refused(sandbox: Served, http: httpx.Client) -> None:
    """ImageDigestDoesNotMatchException in ECR's own API."""
    data = manifest(config=put_blob(sandbox.storage, "app", b"{}"))
    assert code(put(http, "app", sha(b"other"), data)) == (400, "DIGEST_INVALID")
    assert put(http, "app", sha(data), data).status_code == 201
    assert sandbox.told[0][1] is None


def test_a_bad_tag_is_refused(sandbox: Served, http: httpx.Client) -> None:
    """Tags follow the distribution specification's grammar."""
    data = manifest(config=put_blob(sandbox.storage, "app", b"{}"))
    assert code(put(http, "app", "-x", data)) == (400, "TAG_INVALID")


def test_an_immutable_tag_stays(sandbox: Served, http: httpx.Client) -> None:
    """Another image under its tag is refused; the same again is fine (ECR user guide, tag mutability)."""
    first = pushed(sandbox, http, "immutable")
    assert pushed(sandbox, http, "immutable") == first
    other = manifest(config=put_blob(sandbox.storage, "immutable", b"other"))
    assert code(put(http, "immutable", "one", other)) == (400, "TAG_INVALID")
    assert sandbox.storage.resolve("immutable", "one") == first


def test_a_tag_moves(sandbox: Served, http: httpx.Client) -> None:
    """In a mutable repository the tag names the last push; the image before is still there by digest."""
    first, second = pushed(sandbox, http, text=b"1"), pushed(sandbox, http, text=b"2")
    assert http.head("/v2/app/manifests/one").headers["Docker-Content-Digest"] == second
    assert http.get(f"/v2/app/manifests/{first}").status_code == 200


def test_deleting_by_digest_takes_the_tags_along(sandbox: Served, http: httpx.Client) -> None:
    """And the cloud hears of it; a second time is 404."""
    digest = pushed(sandbox, http)
    pushed(sandbox, http, tag="two")
    assert http.delete(f"/v2/app/manifests/{digest}").status_code == 202
    assert sandbox.storage.tags("app") == {}
    assert sandbox.deleted == [("app", digest)]
    assert code(http.delete(f"/v2/app/manifests/{digest}")) == (404, "MANIFEST_UNKNOWN")


def test_removing_the_last_tag_removes_the_image(sandbox: Served, http: httpx.Client) -> None:
    """As ECR does (ECR API, BatchDeleteImage); another tag before it only goes itself."""
    digest = pushed(sandbox, http)
    pushed(sandbox, http, tag="two")
    http.delete("/v2/app/manifests/one")
    assert http.get(f"/v2/app/manifests/{digest}").status_code == 200
    http.delete("/v2/app/manifests/two")
    assert http.get(f"/v2/app/manifests/{digest}").status_code == 404


def test_an_unsupported_method_is_said_to_be(http: httpx.Client) -> None:
    """405 in the API's error form."""
    assert code(http.post("/v2/app/tags/list")) == (405, "UNSUPPORTED")


# tags


def test_tags_come_in_pages(sandbox: Served, http: httpx.Client) -> None:
    """`n` and the Link header walk through all of them, in order, once."""
    for tag in ("b", "a", "c"):
        pushed(sandbox, http, tag=tag)
    first = http.get("/v2/app/tags/list", params={"n": 2})
    assert first.json() == {"name": "app", "tags": ["a", "b"]}
    second = http.get(first.links["next"]["url"])
    assert (second.json()["tags"], "next" in second.links) == (["c"], False)


# the disk


def test_a_kept_root_serves_again(sandbox: Served, http: httpx.Client) -> None:
    """A new storage over the same directory knows everything."""
    digest = pushed(sandbox, http)
    assert Storage(sandbox.storage.root).manifest("app", "one")[0] == digest


def test_collecting_spares_what_is_in_use(sandbox: Served, http: httpx.Client) -> None:
    """Blobs of deleted images go when collected, those that a repository has stay."""
    digest = pushed(sandbox, http, text=b"keep")
    loose = put_blob(sandbox.storage, "a/b", b"loose")
    sandbox.storage.delete_repository("a/b")
    assert sandbox.storage.collect() == 1
    assert not sandbox.storage.blob_path(loose).exists()
    assert sandbox.storage.manifest("app", "one")[0] == digest


def test_an_absent_image_is_not_found(tmp_path: Path) -> None:
    """By tag and by digest."""
    storage = Storage(tmp_path)
    for reference in ("one", sha(b"x")):
        with pytest.raises(NotFound):
            storage.manifest("app", reference)


def test_pushes_at_the_same_time_do_not_disturb_each_other(
    sandbox: Served, http: httpx.Client
) -> None:
    """Eight threads push the same blob and their own."""
    answers: list[int] = []

    def push(number: int) -> None:
        answers.append(upload(http, "app", b"same").status_code)
        answers.append(upload(http, "app", b"%d" % number).status_code)

    threads = [threading.Thread(target=push, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [201] * 16
    assert TOKEN not in repr(sandbox.storage)
