"""The registry client against the sandbox's registry, over real HTTP, with the faults that registries have."""

import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.images.served import (
    HOST,
    Noted,
    Served,
    client_of,
    fault,
    push_foreign,
    put_blob,
    remote_of,
    sandbox_registry,
    served,
)
from toolkit.core.errors import (
    AccessDenied,
    ConfigError,
    Conflict,
    LimitExceeded,
    NotFound,
    Throttled,
    Unreachable,
)
from toolkit.core.ports import LayerFile
from toolkit.images.layer import sha256
from toolkit.images.remote import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST

FILES = {
    "/app/static/SKILL.md": LayerFile(b"Do it.\n"),
    "/app/static/run.sh": LayerFile(b"#!/bin/sh\n", 0o755),
}
CONFIG: dict[str, Any] = {
    "Entrypoint": ["python3", "-m", "x"],
    "Cmd": None,
    "Env": ["PATH=/app/bin", "X=1"],
    "User": "1000:1000",
}


def based(sandbox: Served, **how: Any) -> str:
    """A base image in the registry's own repository `base`: its reference."""
    return f"{HOST}/base@{push_foreign(sandbox.storage, 'base', **how)}"


def config_of(sandbox: Served, digest: str) -> dict[str, Any]:
    _, body = sandbox.storage.manifest("app", digest)
    return dict(json.loads(sandbox.storage.blob_path(body["config"]["digest"]).read_bytes()))


# append


def test_an_image_is_the_base_and_one_layer_more(sandbox: Served) -> None:
    """Base layers first, ours last, and nothing of them is changed."""
    base = based(sandbox)
    digest = sandbox.registry.append(base, "app", "one", FILES, CONFIG)
    _, body = sandbox.storage.manifest("app", digest)
    _, below = sandbox.storage.manifest("base", base.partition("@")[2])
    assert body["layers"][:-1] == below["layers"]
    with tarfile.open(sandbox.storage.blob_path(body["layers"][-1]["digest"])) as archive:
        assert {f"/{i.name}": i.mode for i in archive if i.isfile()} == {
            p: f.mode for p, f in FILES.items()
        }


def test_the_configuration_is_the_bases_with_ours_over_it(sandbox: Served) -> None:
    """Variables by name, None takes a setting away, history and layers in step."""
    config = config_of(
        sandbox, sandbox.registry.append(based(sandbox), "app", "one", FILES, CONFIG)
    )
    assert config["config"] == {
        "Entrypoint": ["python3", "-m", "x"], "Env": ["PATH=/app/bin:/bin", "LANG=C.UTF-8", "X=1"], "User": "1000:1000",
    }  # fmt: skip
    assert len(config["rootfs"]["diff_ids"]) == 2
    assert (config["os"], config["architecture"]) == ("linux", "amd64")


def test_the_same_inputs_give_the_same_digest(sandbox: Served) -> None:
    """Whoever pushes, and under whatever tag."""
    base = based(sandbox)
    other = client_of(sandbox.url)
    assert sandbox.registry.append(base, "app", "one", FILES, CONFIG) == other.append(
        base, "app", "two", FILES, CONFIG
    )
    other.home.close()


def test_a_base_that_is_an_index_gives_one_manifest(sandbox: Served) -> None:
    """Lambda takes no index, not even of one platform: the child for linux/amd64 is built upon."""
    arm = push_foreign(sandbox.storage, "base", architecture="arm64")
    amd = push_foreign(sandbox.storage, "base")
    index = put_index(sandbox, {"arm64": arm, "amd64": amd})
    digest = sandbox.registry.append(f"{HOST}/base@{index}", "app", "one", FILES, CONFIG)
    assert sandbox.registry.manifest("app", digest).media_type == OCI_MANIFEST
    assert digest == sandbox.registry.append(f"{HOST}/base@{amd}", "app", "one", FILES, CONFIG)


def put_index(sandbox: Served, children: dict[str, str]) -> str:
    parts = [
        {"digest": d, "platform": {"os": "linux", "architecture": a}} for a, d in children.items()
    ]
    parts.insert(
        0, {"digest": parts[0]["digest"], "platform": {"os": "unknown", "architecture": "unknown"}}
    )
    return sandbox.storage.put_manifest(
        "base", json.dumps({"manifests": parts}).encode(), OCI_INDEX
    )


def test_an_index_without_our_platform_is_refused(sandbox: Served) -> None:
    """It would fail at the first run (ECS: failed to find a descriptor for platform), so it fails at push."""
    index = put_index(
        sandbox, {"arm64": push_foreign(sandbox.storage, "base", architecture="arm64")}
    )
    with pytest.raises(ConfigError, match=r"has no linux/amd64, only linux/arm64, unknown/unknown"):
        sandbox.registry.append(f"{HOST}/base@{index}", "app", "one", FILES, CONFIG)


def test_an_image_for_another_processor_is_refused(sandbox: Served) -> None:
    """A single manifest says it in its configuration only: `exec format error` is found before the run."""
    with pytest.raises(
        ConfigError, match=r"is for linux/arm64, and what is built upon it runs on linux/amd64"
    ):
        sandbox.registry.append(based(sandbox, architecture="arm64"), "app", "one", FILES, CONFIG)


def test_a_docker_base_gives_a_docker_image(sandbox: Served) -> None:
    """Media types of one family are not mixed."""
    digest = sandbox.registry.append(based(sandbox, docker=True), "app", "one", FILES, CONFIG)
    made = sandbox.registry.manifest("app", digest)
    assert made.media_type == DOCKER_MANIFEST
    assert (
        made.body["layers"][-1]["mediaType"] == "application/vnd.docker.image.rootfs.diff.tar.gzip"
    )
    assert made.body["config"]["mediaType"] == "application/vnd.docker.container.image.v1+json"


def test_what_is_no_image_is_no_base(sandbox: Served) -> None:
    """An old schema, or an artifact, is named as what it is."""
    digest = sandbox.storage.put_manifest(
        "base", b"{}", "application/vnd.docker.distribution.manifest.v1+json"
    )
    with pytest.raises(ConfigError, match="no image that can be added to"):
        sandbox.registry.append(f"{HOST}/base@{digest}", "app", "one", FILES, CONFIG)


def test_base_layers_are_sent_once(sandbox: Served) -> None:
    """The second image of a repository sends its own layer and configuration only."""
    base = based(sandbox)
    sandbox.registry.append(base, "app", "one", FILES, CONFIG)
    before = sandbox.front.count("PUT", "/blobs/")
    sandbox.registry.append(base, "app", "two", {"/app/static/x": LayerFile(b"x")}, CONFIG)
    assert sandbox.front.count("PUT", "/blobs/") - before == 2


def test_a_base_by_digest_is_read_once(sandbox: Served) -> None:
    """Twenty agents do not fetch it twenty times."""
    base = based(sandbox)
    sandbox.registry.append(base, "app", "one", FILES, CONFIG)
    sandbox.registry.append(base, "app", "two", FILES, CONFIG)
    assert sandbox.front.count("GET", "/base/manifests/") == 1


def test_a_registry_that_mounts_is_not_sent_the_layer(sandbox: Served) -> None:
    """201 to the mount ends the upload there and then."""
    sandbox.front.faults["POST", "/app/blobs/uploads"] = [("201 Created", {}, b"")]
    digest = sha256(b"shared")
    sandbox.registry.home.upload("app", digest, 6, lambda: iter((b"shared",)), mount_from="base")
    assert sandbox.front.count("PUT") == 0


def test_a_registry_that_does_not_mount_is_sent_the_layer(sandbox: Served) -> None:
    """ECR answers 202 (ECR user guide, blob mounting): the same call goes on to send it."""
    digest = sha256(b"shared")
    sandbox.registry.home.upload("app", digest, 6, lambda: iter((b"shared",)), mount_from="base")
    assert sandbox.storage.has_blob("app", digest)


def test_a_base_comes_from_another_registry(sandbox: Served, tmp_path: Path) -> None:
    """Its layers are streamed over; nothing is asked of Docker."""
    with sandbox_registry(tmp_path / "other", repositories=("upstream",)) as other:
        digest = push_foreign(other.storage, "upstream")
        far = remote_of(other.url, "far", user="AWS", password="a-token")
        sandbox.registry._remotes["example.com:5000"] = far
        made = sandbox.registry.append(
            f"example.com:5000/upstream@{digest}", "app", "one", FILES, CONFIG
        )
        far.close()
    assert len(sandbox.storage.manifest("app", made)[1]["layers"]) == 2


def test_a_big_layer_goes_up_in_one_stream(sandbox: Served) -> None:
    """One PUT with its length and no PATCH: ECR loses every chunk after the first."""
    data = os.urandom(12 * 1024 * 1024)
    pieces = [data[start : start + 65536] for start in range(0, len(data), 65536)]
    sandbox.registry.home.upload("app", sha256(data), len(data), lambda: iter(pieces))
    assert sandbox.storage.blob_path(sha256(data)).read_bytes() == data
    assert sandbox.front.count("PATCH") == 0
    assert sandbox.front.headers[-1]["CONTENT_LENGTH"] == str(len(data))


def test_a_base_of_one_layer_is_made_from_files(sandbox: Served) -> None:
    """The sandbox's own base has no image below it."""
    digest = sandbox.registry.push_base("app", "base", FILES, {"Env": ["A=1"]})
    assert len(sandbox.storage.manifest("app", "base")[1]["layers"]) == 1
    assert config_of(sandbox, digest)["config"] == {"Env": ["A=1"]}
    assert sandbox.registry.append(f"{HOST}/app@{digest}", "app", "one", FILES, CONFIG) != digest


# looking and deleting


def test_a_tag_that_is_not_there_has_no_digest(sandbox: Served) -> None:
    """None, and None as well where the repository is missing."""
    assert sandbox.registry.digest("app", "none") is None
    assert sandbox.registry.digest("nowhere", "none") is None


def test_tags_are_read_to_the_last_page(sandbox: Served) -> None:
    """All pages, each tag with its digest."""
    digest = sandbox.registry.push_base("app", "one", FILES, {})
    sandbox.registry.push_base("app", "two", FILES, {})
    link = '</v2/app/tags/list?last=one>; rel="next"'
    page = ("200 OK", {"Link": link}, b'{"name":"app","tags":["one"]}')
    sandbox.front.faults["GET", "/app/tags/list"] = [page]
    assert sandbox.registry.tags("app") == {"one": digest, "two": digest}
    assert sandbox.registry.tags("nowhere") == {}


def test_deleting_twice_is_fine(sandbox: Served) -> None:
    """What is gone stays gone, without an error."""
    digest = sandbox.registry.push_base("app", "one", FILES, {})
    sandbox.registry.delete("app", [digest])
    sandbox.registry.delete("app", [digest])
    assert sandbox.registry.tags("app") == {}


# faults


def test_a_fault_that_passes_is_not_noticed(sandbox: Served) -> None:
    """500, 503 and 429, at a look, an upload and a manifest, each once: the push succeeds."""
    faults = sandbox.front.faults
    faults["POST", "/app/blobs/uploads"] = [fault("500 Internal Server Error")]
    faults["PUT", "/app/blobs/uploads"] = [fault("503 Service Unavailable")]
    faults["PUT", "/app/manifests"] = [fault("429 Too Many Requests", "TOOMANYREQUESTS")]
    faults["GET", "/base/blobs"] = [fault("502 Bad Gateway")]
    digest = sandbox.registry.append(based(sandbox), "app", "one", FILES, CONFIG)
    assert sandbox.registry.digest("app", "one") == digest
    assert [left for left in faults.values() if left] == []


def test_a_registry_that_is_down_is_named() -> None:
    """Unreachable, with the host that definitions show."""
    registry = client_of("http://127.0.0.1:9", patience=0)
    with pytest.raises(Unreachable, match=HOST) as caught:
        registry.digest("app", "one")
    assert "al sandbox status" in caught.value.hint
    registry.home.close()


def test_a_lasting_fault_is_told(sandbox: Served) -> None:
    """Temporary faults that last end as what they are, with the registry's words."""
    sandbox.front.faults["HEAD", "/app/"] = [fault("503 Service Unavailable")]
    sandbox.front.faults["GET", "/app/"] = [
        fault("429 Too Many Requests", "TOOMANYREQUESTS", "pull rate limit")
    ]
    impatient = client_of(sandbox.url, patience=0)
    with pytest.raises(Unreachable, match="503"):
        impatient.digest("app", "one")
    with pytest.raises(Throttled, match="pull rate limit"):
        impatient.manifest("app", "one")
    impatient.home.close()


def test_a_missing_repository_says_push_again(sandbox: Served) -> None:
    """ECR's NAME_UNKNOWN: a push interrupted before the repository was made is finished by the next."""
    with pytest.raises(NotFound) as caught:
        sandbox.registry.append(based(sandbox), "nowhere", "one", FILES, CONFIG)
    assert "run `al push` again" in caught.value.hint


def test_a_refused_login_is_access_denied(sandbox: Served) -> None:
    """Asked once, not again and again; the token is in no message."""
    stranger = client_of(sandbox.url, token="wr0ng-t0ken")
    with pytest.raises(AccessDenied) as caught:
        stranger.manifest("app", "one")
    assert "wr0ng" not in f"{caught.value} {caught.value.hint} {caught.value!r}"
    assert sandbox.front.count("GET") == 1
    stranger.home.close()


def test_a_manifest_that_is_not_its_digest_is_refused(sandbox: Served) -> None:
    """Damaged or exchanged on the way: never built upon."""
    digest = push_foreign(sandbox.storage, "base")
    sandbox.front.faults["GET", digest] = [("200 OK", {"Content-Type": OCI_MANIFEST}, b"{}")]
    with pytest.raises(Conflict, match=digest):
        sandbox.registry.manifest("base", digest)


def test_a_blob_that_is_not_its_digest_is_refused(sandbox: Served) -> None:
    """Also when it is streamed on into our own repository."""
    digest = put_blob(sandbox.storage, "base", b"right")
    sandbox.front.faults["GET", digest] = [("200 OK", {}, b"wrong")] * 2
    with pytest.raises(Conflict, match=digest):
        sandbox.registry.home.blob("base", digest)
    source = sandbox.registry.home
    with pytest.raises(Conflict, match=digest):
        source.upload("app", digest, 5, lambda: source.stream("base", digest))
    assert not sandbox.storage.has_blob("app", digest)


def test_a_configuration_without_end_is_not_read(sandbox: Served) -> None:
    """What is read into memory has a limit."""
    digest = put_blob(sandbox.storage, "base", b"x" * 100)
    with pytest.raises(LimitExceeded):
        list(sandbox.registry.home.stream("base", digest, most=99))


def test_a_server_that_is_no_registry_is_said_to_be() -> None:
    """A login page, for instance: 200 and HTML."""
    page = ("200 OK", {"Content-Type": "text/html"}, b"<html>")
    with served(Noted(inner=None, faults={("GET", "/"): [page]})) as url:
        registry = client_of(url)
        with pytest.raises(Conflict, match="did not answer like a registry"):
            registry.tags("app")
        registry.home.close()


def test_a_broken_upload_begins_anew(sandbox: Served) -> None:
    """The source is opened again for the second try: half a blob is never sent as the whole."""
    opened: list[int] = []

    def chunks() -> Any:
        opened.append(1)
        yield from io.BytesIO(b"one\ntwo\n")

    sandbox.front.faults["PUT", "/app/blobs/uploads"] = [fault("500 Internal Server Error")]
    sandbox.registry.home.upload("app", sha256(b"one\ntwo\n"), 8, chunks)
    assert len(opened) == 2
    assert sandbox.storage.has_blob("app", sha256(b"one\ntwo\n"))
