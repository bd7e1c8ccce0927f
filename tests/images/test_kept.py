"""A base's layers travel to this machine once, however many images are made from it."""

import gc
import os
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.images.served import HOST, Served, push_foreign, remote_of, sandbox_registry
from toolkit.core.errors import AlError, Unreachable
from toolkit.core.ports import LayerFile
from toolkit.images.kept import Kept

AGENTS = ("one", "two", "three")
DATA = os.urandom(3 * 1024 * 1024)


def pushed(registry: Served, base: str, agent: str) -> str:
    files = {"/app/static/SKILL.md": LayerFile(agent.encode())}
    return registry.registry.append(base, f"agent-{agent}", "tag", files, {})


def layer_of(registry: Served, repository: str, digest: str) -> str:
    return str(registry.storage.manifest(repository, digest)[1]["layers"][0]["digest"])


@pytest.mark.parametrize("at_once", [1, len(AGENTS)])
def test_a_base_elsewhere_is_read_once_for_all_agents(tmp_path: Path, at_once: int) -> None:
    """One after the other, and side by side as a push does it."""
    repositories = [f"agent-{agent}" for agent in AGENTS]
    with (
        sandbox_registry(tmp_path / "home", repositories=repositories) as home,
        sandbox_registry(tmp_path / "far", repositories=("upstream",)) as far,
    ):
        digest = push_foreign(far.storage, "upstream", text=DATA)
        layer = layer_of(far, "upstream", digest)
        remote = remote_of(far.url, "far", user="AWS", password="a-token")
        home.registry._remotes["example.com:5000"] = remote
        base = f"example.com:5000/upstream@{digest}"
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(lambda agent: pushed(home, base, agent), AGENTS))
        remote.close()
        assert far.front.count("GET", f"/blobs/{layer}") == 1
        assert all(home.storage.has_blob(name, layer) for name in repositories)


def test_a_registry_that_mounts_nothing_is_read_once(tmp_path: Path) -> None:
    """ECR without blob mounting: the layer goes to each repository, and comes here once."""
    repositories = [f"agent-{agent}" for agent in AGENTS]
    with sandbox_registry(tmp_path, repositories=("base", *repositories)) as home:
        digest = push_foreign(home.storage, "base", text=DATA)
        layer = layer_of(home, "base", digest)
        for agent in AGENTS:
            pushed(home, f"{HOST}/base@{digest}", agent)
        assert home.front.count("GET", f"/blobs/{layer}") == 1
        assert all(home.storage.has_blob(name, layer) for name in repositories)


def test_a_blob_is_the_same_for_everyone_at_once() -> None:
    """Readers share the file, and none moves another's place in it."""
    kept, barrier = Kept(), threading.Barrier(4)

    def read(_: int) -> bytes:
        barrier.wait()
        return b"".join(kept.pieces("sha256:a", lambda: iter((DATA[:7], DATA[7:]))))

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(read, range(4))) == {DATA}


def test_a_fetch_that_breaks_is_begun_anew() -> None:
    """Half a blob is never taken for the whole."""
    kept = Kept()

    def broken() -> Iterator[bytes]:
        yield b"half"
        raise Unreachable("it broke", hint="again")

    with pytest.raises(Unreachable):
        kept.pieces("sha256:a", broken)
    assert b"".join(kept.pieces("sha256:a", lambda: iter((b"whole",)))) == b"whole"


def test_nothing_is_left_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files have no name, even while they are used."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    kept = Kept()
    pieces = kept.pieces("sha256:a", lambda: iter((b"whole",)))
    assert list(tmp_path.iterdir()) == []
    assert b"".join(pieces) == b"whole"
    del kept
    gc.collect()


def test_a_disk_without_room_says_where_to_make_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the directory, and the variable that names another."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(AlError, match="missing") as caught:
        Kept().pieces("sha256:a", lambda: iter((b"whole",)))
    assert "TMPDIR" in caught.value.hint
