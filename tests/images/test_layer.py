"""A layer is a function of its files."""

import gzip
import io
import tarfile
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.core.errors import ConfigError
from toolkit.core.ports import LayerFile
from toolkit.images.layer import Layer, layer, sha256

NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0", categories=["L", "N"]),
    min_size=1,
    max_size=150,
)
FILES = st.dictionaries(
    NAMES.map(lambda name: f"/app/static/{name}"),
    st.builds(LayerFile, st.binary(max_size=200), st.sampled_from([0o644, 0o755, 0o400])),
    max_size=6,
)


def members(made: Layer) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(made.data), mode="r:gz") as archive:
        return {info.name: info for info in archive}


def contents(made: Layer) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(made.data), mode="r:gz") as archive:
        opened = {info.name: archive.extractfile(info) for info in archive if info.isfile()}
        return {f"/{name}": file.read() for name, file in opened.items() if file}


@given(FILES)
def test_the_order_of_the_files_does_not_matter(files: Mapping[str, LayerFile]) -> None:
    """The same files give the same bytes, however they were collected."""
    assert layer(dict(reversed(files.items()))) == layer(files)


@given(FILES)
def test_what_goes_in_comes_out(files: Mapping[str, LayerFile]) -> None:
    """Names (long and foreign ones too), bytes and modes survive."""
    made = layer(files)
    assert contents(made) == {path: file.data for path, file in files.items()}
    assert {f"/{n}": i.mode for n, i in members(made).items() if i.isfile()} == {
        p: f.mode for p, f in files.items()
    }


@given(FILES, FILES)
def test_other_files_give_another_digest(
    one: Mapping[str, LayerFile], two: Mapping[str, LayerFile]
) -> None:
    """Digests are equal exactly when the files are."""
    assert (layer(one).digest == layer(two).digest) == (one == two)


def test_the_digests_are_of_the_bytes_and_of_the_tar_inside() -> None:
    """As the image specification defines digest and diff_id."""
    made = layer({"/app/x": LayerFile(b"x")})
    assert (made.digest, made.diff_id) == (sha256(made.data), sha256(gzip.decompress(made.data)))


def test_nothing_of_this_machine_is_in_it() -> None:
    """No time, no owner's name, the agents' uid, and every directory on the way."""
    infos = members(layer({"/app/static/shared/a.md": LayerFile(b"a", 0o755)}))
    assert list(infos) == ["app", "app/static", "app/static/shared", "app/static/shared/a.md"]
    assert {(i.mtime, i.uid, i.gid, i.uname, i.gname) for i in infos.values()} == {
        (0, 1000, 1000, "", "")
    }
    assert {i.mode for i in infos.values()} == {0o755}


def test_the_digest_is_the_same_on_every_machine() -> None:
    """A known value of the uncompressed tar: whoever changes the format pushes every agent again, and should know."""
    made = layer({"/app/static/SKILL.md": LayerFile(b"Do it.\n")})
    assert made.diff_id == "sha256:9b453b48acac3468fc355049e3d22b94cfc9f6fb5759231f87df80480b14825c"
    assert made.data[4:10] == b"\0\0\0\0\x00\xff"


@pytest.mark.parametrize("path", ["relative", "/", "/../x", "/app/../../x", "", "/a\0b"])
def test_a_path_that_leaves_the_image_is_refused(path: str) -> None:
    """Nothing is written outside of the root."""
    with pytest.raises(ConfigError):
        layer({path: LayerFile(b"")})


def test_a_file_cannot_be_a_directory_too() -> None:
    """Two entries of one name would make an image that cannot be unpacked."""
    with pytest.raises(ConfigError, match="/app/a is a file and a directory"):
        layer({"/app/a": LayerFile(b""), "/app/a/b": LayerFile(b"")})
