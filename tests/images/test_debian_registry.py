"""The same client against Debian's docker-registry: what we believe of the API is what a real registry does."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.images.served import HOST, client_of
from toolkit.core.errors import Unreachable
from toolkit.core.ports import LayerFile
from toolkit.images.layer import sha256
from toolkit.images.oci import OciRegistry

pytestmark = [
    pytest.mark.needs_registry,
    pytest.mark.skipif(
        shutil.which("docker-registry") is None,
        reason="docker-registry is missing: apt-get install docker-registry",
    ),
]
FILES = {"/app/static/SKILL.md": LayerFile(b"Do it.\n")}
SETTINGS = """\
version: 0.1
log: {{level: error}}
storage:
  filesystem: {{rootdirectory: {root}}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OciRegistry]:
    place, port = tmp_path_factory.mktemp("registry"), free_port()
    (place / "settings.yml").write_text(SETTINGS.format(root=place / "data", port=port))
    command = ["docker-registry", "serve", str(place / "settings.yml")]
    with (
        (place / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        client = client_of(f"http://127.0.0.1:{port}", token=None, patience=0)
        wait_for(client, place / "log")
        yield client
        client.home.close()
        process.terminate()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for(client: OciRegistry, log: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            client.digest("any", "tag")
        except Unreachable:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"docker-registry did not start: {log.read_text()}")


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
