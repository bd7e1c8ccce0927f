"""Images as directories: layers in order, whiteouts, and nothing outside of the directory."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from toolkit.core.errors import AlError, NotFound
from toolkit.sandbox.images import ImageReference, apply_layer, repository_arn

KINDS = {"symlink": tarfile.SYMTYPE, "hardlink": tarfile.LNKTYPE}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "root"
    place.mkdir()
    return place


@pytest.fixture
def layer(tmp_path: Path) -> Callable[..., Path]:
    """A layer with these members: name -> text of a file, or (symlink or hardlink, target)."""

    def make(members: dict[str, str | tuple[str, str]]) -> Path:
        place = tmp_path / "layer.tar"
        with tarfile.open(place, "w") as archive:
            for name, member in members.items():
                info = tarfile.TarInfo(name)
                info.mode = 0o6755
                data = b""
                if isinstance(member, tuple):
                    info.type, info.linkname = KINDS[member[0]], member[1]
                else:
                    data = member.encode()
                    info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        return place

    return make


def test_a_later_layer_replaces_a_file(root: Path, layer: Callable[..., Path]) -> None:
    """Layers are applied in their order (OCI image specification, layer)."""
    apply_layer(layer({"app/a": "one"}), root)
    apply_layer(layer({"app/a": "two"}), root)
    assert (root / "app/a").read_text() == "two"


def test_a_file_replaces_a_link_and_is_not_written_through_it(
    root: Path, layer: Callable[..., Path]
) -> None:
    """The link's target keeps its content."""
    apply_layer(layer({"app/a": "one", "app/b": ("symlink", "a")}), root)
    apply_layer(layer({"app/b": "two"}), root)
    assert ((root / "app/a").read_text(), (root / "app/b").read_text()) == ("one", "two")


def test_a_whiteout_removes_a_file_and_itself(root: Path, layer: Callable[..., Path]) -> None:
    """`.wh.name` deletes name of the layers below (OCI image specification, whiteouts)."""
    apply_layer(layer({"app/a": "one", "app/d/b": "one"}), root)
    apply_layer(layer({"app/.wh.a": "", "app/.wh.d": ""}), root)
    assert list((root / "app").iterdir()) == []


def test_an_opaque_whiteout_empties_a_directory(root: Path, layer: Callable[..., Path]) -> None:
    """`.wh..wh..opq` hides all that was there before (OCI image specification, whiteouts)."""
    apply_layer(layer({"app/d/a": "one"}), root)
    apply_layer(layer({"app/d/.wh..wh..opq": "", "app/d/b": "two"}), root)
    assert [path.name for path in (root / "app/d").iterdir()] == ["b"]


@pytest.mark.parametrize(
    "members",
    [
        {"../outside": "x"},
        {"app/../../outside": "x"},
        {"app/link": ("symlink", "/etc"), "app/link/passwd": "x"},
        {"app/link": ("symlink", "../../..")},
        {"app/hard": ("hardlink", "../../outside")},
        {"../.wh.root": ""},
        {"up": ("symlink", ".."), "up/.wh.root": ""},
    ],
    ids=["up", "inside-up", "through-link", "link-out", "hard-link", "whiteout", "whiteout-link"],
)
def test_a_layer_never_leaves_its_directory(
    root: Path, layer: Callable[..., Path], members: dict[str, str | tuple[str, str]]
) -> None:
    """A member that would land outside is refused."""
    with pytest.raises(AlError):
        apply_layer(layer(members), root)
    assert {path.name for path in root.parent.iterdir()} == {"layer.tar", "root"}


def test_no_file_keeps_a_set_user_bit(root: Path, layer: Callable[..., Path]) -> None:
    """Nothing that was pushed may become somebody else."""
    apply_layer(layer({"app/a": "one"}), root)
    assert (root / "app/a").stat().st_mode & 0o6000 == 0


def test_a_damaged_layer_is_an_error(root: Path, tmp_path: Path) -> None:
    """And says what to do."""
    (tmp_path / "layer.tar").write_bytes(b"no archive")
    with pytest.raises(AlError, match="cannot be extracted"):
        apply_layer(tmp_path / "layer.tar", root)


def test_a_reference_is_taken_apart() -> None:
    """Host, repository, and digest or tag."""
    host, digest = "1.dkr.ecr.us-east-1.amazonaws.com", "sha256:" + "0" * 64
    assert ImageReference.parse(f"{host}/a/b@{digest}").reference == digest
    assert ImageReference.parse(f"{host}/a/b:t").repository == "a/b"
    assert repository_arn(f"{host}/a/b:t") == "arn:aws:ecr:us-east-1:1:repository/a/b"


def test_what_is_in_no_registry_is_not_found() -> None:
    """Docker Hub's short names are no place that the sandbox has."""
    with pytest.raises(NotFound):
        ImageReference.parse("python:3.12")
