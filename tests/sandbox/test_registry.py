"""The sandbox's registry over real HTTP: logins, uploads and blobs, with ECR's manners."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.images.served import BASIC, Served, put_blob, sandbox_registry
from tests.sandbox.registry_words import code, sha, upload
from toolkit.core.errors import ConfigError
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


# login


def test_without_a_login_the_answer_is_a_basic_challenge(sandbox: Served) -> None:
    """401 with `WWW-Authenticate: Basic`, as docker expects (ECR: private registry authentication)."""
    answer = httpx.get(f"{sandbox.url}/v2/", trust_env=False)
    assert code(answer) == (401, "UNAUTHORIZED")
    assert answer.headers["WWW-Authenticate"].startswith('Basic realm="http://127.0.0.1')


@pytest.mark.parametrize(
    "header",
    ["Bearer x", "Basic !", "Basic " + "QVdTOndyb25n", "Basic /w==", "Basic YWRtaW46YS10b2tlbg=="],
)
def test_any_other_login_is_refused(sandbox: Served, header: str) -> None:
    """Only the user AWS with ECR's token gets in."""
    assert (
        httpx.get(
            f"{sandbox.url}/v2/", headers={"Authorization": header}, trust_env=False
        ).status_code
        == 401
    )


def test_the_version_check_answers(http: httpx.Client) -> None:
    """GET /v2/ is 200 for who is logged in, and names the API's version."""
    answer = http.get("/v2/")
    assert answer.status_code == 200
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


# repositories


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v2/nowhere/blobs/uploads/"),
        ("GET", "/v2/nowhere/manifests/x"),
        ("GET", "/v2/nowhere/tags/list"),
        ("PUT", "/v2/nowhere/manifests/x"),
    ],
)
def test_a_repository_must_have_been_created(http: httpx.Client, method: str, path: str) -> None:
    """ECR does not create repositories on push: NAME_UNKNOWN (ECR user guide, pushing a Docker image)."""
    assert code(http.request(method, path)) == (404, "NAME_UNKNOWN")


@pytest.mark.parametrize(
    "path",
    ["/v2/App/tags/list", "/v2/../tags/list", "/v2/app/other/x", "/v2/app/blobs/uploads", "/"],
)
def test_what_is_no_path_of_the_api_is_not_found(http: httpx.Client, path: str) -> None:
    """Unknown paths are 404, and never reach the disk."""
    assert http.get(path).status_code == 404


def test_a_name_that_could_leave_the_root_is_refused(tmp_path: Path) -> None:
    """The storage itself holds the line: no name becomes a path unchecked."""
    with pytest.raises(ConfigError):
        Storage(tmp_path).tags("../../etc")


# uploads


def test_a_blob_goes_up_in_one_put(sandbox: Served, http: httpx.Client) -> None:
    """POST then PUT with the whole content; it is on the disk under its digest."""
    answer = upload(http, "a/b", b"hello")
    assert answer.status_code == 201
    assert sandbox.storage.blob_path(sha(b"hello")).read_bytes() == b"hello"
    assert http.get(answer.headers["Location"]).content == b"hello"


def test_a_blob_goes_up_in_chunks(http: httpx.Client) -> None:
    """PATCHes with ranges append; a final PUT closes, with or without a last piece."""
    place = http.post("/v2/app/blobs/uploads/").headers["Location"]
    first = http.patch(place, content=b"abc", headers={"Content-Range": "0-2"})
    assert (first.status_code, first.headers["Range"]) == (202, "0-2")
    second = http.patch(place, content=b"def", headers={"Content-Range": "3-5"})
    assert second.headers["Range"] == "0-5"
    assert http.put(place, params={"digest": sha(b"abcdefg")}, content=b"g").status_code == 201


def test_a_chunk_in_the_wrong_place_is_refused(http: httpx.Client) -> None:
    """416 with what has been received; nothing is appended."""
    place = http.post("/v2/app/blobs/uploads/").headers["Location"]
    http.patch(place, content=b"abc")
    again = http.patch(place, content=b"abc", headers={"Content-Range": "0-2"})
    assert (again.status_code, again.headers["Range"]) == (416, "0-2")
    assert http.get(place).headers["Range"] == "0-2"


def test_a_body_of_unknown_length_is_taken(http: httpx.Client) -> None:
    """Docker sends a layer as one PATCH in chunked transfer encoding."""
    place = http.post("/v2/app/blobs/uploads/").headers["Location"]
    assert http.patch(place, content=iter((b"ab", b"cd"))).status_code == 202
    assert http.put(place, params={"digest": sha(b"abcd")}).status_code == 201


def test_a_post_with_the_digest_is_enough(http: httpx.Client) -> None:
    """The specification's single POST."""
    answer = http.post("/v2/app/blobs/uploads/", params={"digest": sha(b"x")}, content=b"x")
    assert answer.status_code == 201


def test_a_wrong_digest_is_refused_and_leaves_nothing(sandbox: Served, http: httpx.Client) -> None:
    """DIGEST_INVALID; neither the blob nor the upload stays."""
    place = http.post("/v2/app/blobs/uploads/").headers["Location"]
    assert code(http.put(place, params={"digest": sha(b"x")}, content=b"y")) == (
        400,
        "DIGEST_INVALID",
    )
    assert not sandbox.storage.has_blob("app", sha(b"x"))
    assert code(http.patch(place, content=b"y")) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_a_mount_is_answered_with_an_upload(sandbox: Served, http: httpx.Client) -> None:
    """ECR mounts nothing unless the account switched it on: 202, not 201 (ECR user guide, blob mounting)."""
    digest = put_blob(sandbox.storage, "a/b", b"shared")
    answer = http.post("/v2/app/blobs/uploads/", params={"mount": digest, "from": "a/b"})
    assert answer.status_code == 202
    assert http.head(f"/v2/app/blobs/{digest}").status_code == 404


def test_an_upload_can_be_cancelled(http: httpx.Client) -> None:
    """DELETE ends it."""
    place = http.post("/v2/app/blobs/uploads/").headers["Location"]
    assert http.delete(place).status_code == 204
    assert http.patch(place, content=b"x").status_code == 404


# blobs


def test_part_of_a_blob_can_be_read(sandbox: Served, http: httpx.Client) -> None:
    """Range requests answer 206, so that a broken download can go on."""
    digest = put_blob(sandbox.storage, "app", b"0123456789")
    part = http.get(f"/v2/app/blobs/{digest}", headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"234")


def test_looking_at_a_blob_tells_its_size(sandbox: Served, http: httpx.Client) -> None:
    """HEAD has length and digest, and no body."""
    digest = put_blob(sandbox.storage, "app", b"0123456789")
    answer = http.head(f"/v2/app/blobs/{digest}")
    assert (answer.headers["Content-Length"], answer.headers["Docker-Content-Digest"]) == (
        "10",
        digest,
    )
    assert answer.content == b""


def test_another_repositorys_blob_is_not_here(sandbox: Served, http: httpx.Client) -> None:
    """Blobs belong to the repository that they were pushed to."""
    digest = put_blob(sandbox.storage, "a/b", b"x")
    assert code(http.get(f"/v2/app/blobs/{digest}")) == (404, "BLOB_UNKNOWN")


def test_deleting_a_blob_spares_the_other_repository(sandbox: Served, http: httpx.Client) -> None:
    """Content is shared on the disk, never between repositories."""
    digest = put_blob(sandbox.storage, "app", b"x")
    put_blob(sandbox.storage, "a/b", b"x")
    assert http.delete(f"/v2/app/blobs/{digest}").status_code == 202
    assert http.get(f"/v2/a/b/blobs/{digest}").content == b"x"
