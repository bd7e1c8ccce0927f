"""The user's credentials, and the runs' secrets of `-E local`, as files."""

import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.store import StoreContract
from toolkit.core.agent import CredentialRef
from toolkit.core.environment import Environment, Scope
from toolkit.core.errors import Conflict, CredentialError
from toolkit.core.names import Names
from toolkit.core.ports import Context
from toolkit.core.secrets import Secret
from toolkit.credentials.stores.local_files import PLUGIN, LocalFiles

SCOPE = Scope(project="demo", environment="local")
TOKEN = "github_token/default/token"


def context(home: Path) -> Context:
    environment = Environment(name="local", scope=SCOPE)
    return Context(environment=environment, home=home, project=home)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "credentials"


@pytest.fixture
def store(tmp_path: Path) -> LocalFiles:
    return LocalFiles(context(tmp_path))


def value(store: LocalFiles, name: str) -> str | None:
    found = store.get(name)
    return found.reveal() if found else None


def modes(directory: Path) -> dict[str, str]:
    everything = (directory, *directory.rglob("*"))
    return {str(p.relative_to(directory)): oct(p.stat().st_mode & 0o777) for p in everything}


class TestRunSecrets(StoreContract):
    """With a root of its own, it keeps runs' secrets as any store does."""

    @pytest.fixture
    def names(self) -> Names:
        return Names(SCOPE)

    @pytest.fixture
    def store(self, tmp_path: Path) -> LocalFiles:
        return LocalFiles(context(tmp_path), root=tmp_path / "secrets")


def test_a_credential_is_where_the_predecessor_had_it(store: LocalFiles, root: Path) -> None:
    """<home>/credentials/<type>/<instance>/<field>, with a newline at its end."""
    store.put(TOKEN, Secret("hunter2"), tags={})
    assert (root / "github_token" / "default" / "token").read_text() == "hunter2\n"


def test_only_the_user_can_read_them(store: LocalFiles, root: Path) -> None:
    """Directories 0700, files 0600."""
    store.put("a/b/c", Secret("x"), tags={"k": "v"})
    assert modes(root) == {
        ".": "0o700",
        "a": "0o700",
        "a/b": "0o700",
        "a/b/c": "0o600",
        "a/b/.c.tags": "0o600",
    }


def test_a_directory_that_others_can_read_is_closed(store: LocalFiles, root: Path) -> None:
    """Writing a credential repairs what was made by hand."""
    (root / "a").mkdir(parents=True, mode=0o755)
    store.put("a/b/c", Secret("x"), tags={})
    assert modes(root)["a"] == "0o700"


@pytest.mark.parametrize("text", ["hunter2", "hunter2\n", "  hunter2 \r\n\n"])
def test_a_file_written_by_hand_is_trimmed(store: LocalFiles, root: Path, text: str) -> None:
    """Editors and `echo` leave white space."""
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "c").write_text(text)
    assert value(store, "a/b/c") == "hunter2"


@pytest.mark.parametrize(
    "name", ["../x", "a/../x", "/etc/passwd", "a//b", "", "a/./b", "a/.hidden", "a/b\0"]
)
def test_a_name_cannot_lead_out(store: LocalFiles, name: str) -> None:
    """Neither up, nor absolute, nor into hidden files."""
    with pytest.raises(CredentialError, match="is not a secret's name"):
        store.get(name)


def test_a_link_cannot_lead_out(store: LocalFiles, root: Path, tmp_path: Path) -> None:
    """Neither a file's nor a directory's, for reading, writing or deleting."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "token").write_text("hunter2")
    (root / "a").mkdir(parents=True)
    (root / "a" / "b").symlink_to(tmp_path / "outside")
    for use in (store.get, store.delete, store.exists):
        with pytest.raises(CredentialError, match="is a link out of"):
            use("a/b/token")
    with pytest.raises(CredentialError, match="is a link out of"):
        store.put("a/b/token", Secret("x"), tags={})
    assert (tmp_path / "outside" / "token").read_text() == "hunter2"


def test_a_root_may_itself_be_a_link(store: LocalFiles, root: Path, tmp_path: Path) -> None:
    """A home on another disk is the user's choice."""
    (tmp_path / "disk").mkdir()
    root.symlink_to(tmp_path / "disk")
    store.put(TOKEN, Secret("x"), tags={})
    assert value(store, TOKEN) == "x"


def test_everything_is_listed_by_its_three_parts(store: LocalFiles) -> None:
    """The empty prefix lists all, hidden files left out."""
    for name in ("b/default/token", "a/acme/token", "a/acme/id"):
        store.put(name, Secret("x"), tags={"k": "v"})
    assert [s.name for s in store.list("")] == ["a/acme/id", "a/acme/token", "b/default/token"]


def test_a_listing_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """Which place, and why; the system's own error is nobody's to catch."""
    store = LocalFiles(context(tmp_path), root=tmp_path / ("x" * 300))
    with pytest.raises(CredentialError, match="File name too long"):
        list(store.list(""))


@pytest.mark.parametrize("damage", [b"{", b"\xff"])
def test_tags_that_are_damaged_are_said(store: LocalFiles, root: Path, damage: bytes) -> None:
    """With the secret's name."""
    store.put(TOKEN, Secret("t"), tags={"a": "b"})
    (root / "github_token/default/.token.tags").write_bytes(damage)
    with pytest.raises(CredentialError, match=TOKEN):
        list(store.list(""))


@pytest.mark.parametrize(
    ("prefix", "count"),
    [("", 2), ("github", 1), ("github_token/", 1), (TOKEN, 1), (f"{TOKEN}/", 0), ("git_", 1), ("x", 0)],
)  # fmt: skip
def test_a_prefix_is_one_of_whole_names(store: LocalFiles, prefix: str, count: int) -> None:
    """Wherever in a name it ends."""
    for name in (TOKEN, "git_ssh/default/key"):
        store.put(name, Secret("t"), tags={})
    assert len(list(store.list(prefix))) == count


def test_deleting_the_last_field_removes_the_instance_and_the_type(
    store: LocalFiles, root: Path
) -> None:
    """Nothing empty is left; what is not empty stays."""
    for name in ("a/one/token", "a/two/token", "b/one/token"):
        store.put(name, Secret("x"), tags={"k": "v"})
    store.delete("a/one/token")
    store.delete("b/one/token")
    assert sorted(p.name for p in root.rglob("*") if p.is_dir()) == ["a", "two"]


def test_what_an_interrupted_write_left_goes_with_the_secret(store: LocalFiles, root: Path) -> None:
    """A partial file holds a value, too."""
    store.put("a/b/c", Secret("x"), tags={})
    (root / "a" / "b" / ".c.1234abcd.partial").write_text("hunter2")
    store.delete("a/b/c")
    assert list(root.rglob("*")) == []


def test_new_tags_replace_the_old_ones(store: LocalFiles) -> None:
    """Also when there are none."""
    store.put("a/b/c", Secret("x"), tags={"k": "v"})
    store.put("a/b/c", Secret("x"), tags={})
    assert [s.tags for s in store.list("")] == [{}]


def test_a_secret_is_not_also_a_directory(store: LocalFiles) -> None:
    """Said in words."""
    store.put("a/b/c", Secret("x"), tags={})
    with pytest.raises(Conflict, match="both a secret and a directory"):
        store.put("a/b/c/d", Secret("x"), tags={})


def test_bytes_that_are_no_text_are_not_shown(store: LocalFiles, root: Path) -> None:
    """The error names the secret, and its cause does not hold the bytes."""
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "c").write_bytes(b"\xff\xfehunter2")
    with pytest.raises(CredentialError, match="a/b/c is not text") as refused:
        store.get("a/b/c")
    assert refused.value.__cause__ is None


def test_a_reader_never_sees_half_a_value(store: LocalFiles) -> None:
    """A value is replaced in one step, however large it is."""
    values = ["a" * 60_000, "b" * 60_000]
    store.put(TOKEN, Secret(values[0]), tags={})

    def write() -> None:
        for text in values * 25:
            store.put(TOKEN, Secret(text), tags={})

    writing = threading.Thread(target=write)
    writing.start()
    seen = set()
    while writing.is_alive():
        seen.add(value(store, TOKEN))
    writing.join()
    assert seen <= set(values)


def test_writers_and_removers_of_neighbours_do_not_disturb_each_other(store: LocalFiles) -> None:
    """Two runs of an agent come and go in the same directory, which is removed when it is empty."""
    failures: list[Exception] = []

    def come_and_go(name: str) -> None:
        try:
            for _ in range(60):
                store.put(f"runs/dev/{name}", Secret("x"), tags={"k": "v"})
                store.delete(f"runs/dev/{name}")
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=come_and_go, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert list(store.list("")) == []


def test_the_plugin_is_the_store(tmp_path: Path) -> None:
    """PLUGIN(context) is how wiring makes it."""
    assert PLUGIN(context(tmp_path)).name == "local_files"


PARTS = st.from_regex(r"[A-Za-z0-9_@+=][A-Za-z0-9_.@+=-]{0,20}", fullmatch=True)


@settings(deadline=None)
@given(kind=st.from_regex(r"[a-z0-9_]{1,20}", fullmatch=True), instance=PARTS)
def test_every_reference_has_a_place(
    tmp_path_factory: pytest.TempPathFactory, kind: str, instance: str
) -> None:
    """Whatever may stand in a reference may be a file's name, and comes back from the list."""
    ref = CredentialRef.parse(f"{kind}:{instance}")
    store = LocalFiles(context(tmp_path_factory.mktemp("home")))
    name = f"{ref.type}/{ref.instance}/token"
    store.put(name, Secret("x"), tags={"k": "v"})
    assert [s.name for s in store.list(f"{kind}/")] == [name]
    store.delete(name)
    assert list(store.list("")) == []
