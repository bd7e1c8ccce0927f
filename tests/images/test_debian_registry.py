"""The same client against Debian's docker-registry: what we believe of the API is what a real registry does."""

import os
from collections.abc import Iterator

import pytest

from tests.images.debian_registry import missing, running_registry
from tests.images.served import HOST
from toolkit.core.ports import LayerFile
from toolkit.images.layer import sha256
from toolkit.images.oci import OciRegistry

pytestmark = [
    pytest.mark.needs_registry,
    pytest.mark.skipif(bool(missing()), reason=missing() or "it is there"),
]
FILES = {"/app/static/SKILL.md": LayerFile(b"Do it.\n")}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OciRegistry]:
    with running_registry(tmp_path_factory.mktemp("registry")) as client:
        yield client


def test_it_takes_our_images(registry: OciRegistry) -> None:
    """A base of one layer, and an image upon it; both come back by tag and by digest."""
    base = registry.push_base("al/base", "one", FILES, {"Env": ["A=1"]})
    digest = registry.append(
        f"{HOST}/al/base@{base}", "al/dev", "one", {"/app/x": LayerFile(b"x")}, {"User": "1000"}
    )
    assert registry.tags("al/dev") == {"one": digest}
    assert len(registry.manifest("al/dev", digest).body["layers"]) == 2


def test_it_mounts_our_base(registry: OciRegistry) -> None:
    """201: the layer is in the other repository without its bytes being sent."""
    base = registry.push_base("al/base", "one", FILES, {})
    layer = registry.manifest("al/base", base).body["layers"][0]
    registry.home.upload(
        "al/mounted", layer["digest"], layer["size"], lambda: iter(()), mount_from="al/base"
    )
    assert registry.home.has_blob("al/mounted", layer["digest"])


def test_the_same_image_has_the_same_digest(registry: OciRegistry) -> None:
    """Pushed twice, under two tags."""
    first = registry.push_base("al/twice", "one", FILES, {})
    assert registry.push_base("al/twice", "two", FILES, {}) == first


def test_it_takes_a_big_layer_in_one_stream(registry: OciRegistry) -> None:
    """12 MiB of noise, and back."""
    data = os.urandom(12 * 1024 * 1024)
    registry.home.upload("al/big", sha256(data), len(data), lambda: iter((data[:7], data[7:])))
    assert registry.home.blob("al/big", sha256(data)) == data


def test_it_deletes_and_has_nothing_where_nothing_is(registry: OciRegistry) -> None:
    """By digest; again is fine; a repository that never was has no tags."""
    digest = registry.push_base("al/gone", "one", FILES, {})
    registry.delete("al/gone", [digest, digest])
    assert registry.digest("al/gone", "one") is None
    assert registry.tags("al/never") == {}
