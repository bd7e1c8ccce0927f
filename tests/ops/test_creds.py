"""Credentials go in whole or not at all, and never come out."""

import json
from pathlib import Path

import pytest

from toolkit.core.agent import CredentialRef
from toolkit.core.environment import Environment, Scope
from toolkit.core.errors import ConfigError, CredentialError, NotFound, UsageError
from toolkit.core.ports import Context, Store
from toolkit.core.secrets import Secret
from toolkit.credentials.resolve import type_of
from toolkit.credentials.stores import local_files
from toolkit.ops import creds

GITHUB, SSH = CredentialRef(type="github_token"), CredentialRef(type="git_ssh", instance="acme")
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """The user's own store, in a directory."""
    nowhere = Environment(name="local", scope=Scope(project="none", environment="local"))
    store: Store = local_files.PLUGIN(
        Context(environment=nowhere, home=tmp_path / "home", project=tmp_path)
    )
    return store


def secrets(**values: str) -> dict[str, Secret]:
    return {name: Secret(value) for name, value in values.items()}


def plain(values: dict[str, Secret]) -> dict[str, str]:
    return {name: value.reveal() for name, value in values.items()}


def kept(store: Store) -> list[str]:
    return [stored.name for stored in store.list("")]


def parsed(kind: str, text: str) -> dict[str, str]:
    return plain(creds.parse_input(type_of(CredentialRef(type=kind)), text))


# what comes by stdin


def test_a_single_value_is_the_one_required_field() -> None:
    """With or without the line's end."""
    assert parsed("github_token", "ghp_1\n") == {"token": "ghp_1"}


def test_json_gives_the_fields_by_name() -> None:
    """Numbers are taken as they are written."""
    text = json.dumps({"username": "dev", "email": "dev@example.com", "id_rsa": 7})
    assert parsed("git_ssh", text) == {"username": "dev", "email": "dev@example.com", "id_rsa": "7"}


def test_a_secret_that_is_json_itself_is_one_value() -> None:
    """A service account's key, for instance: none of its keys is a field."""
    text = '{"type": "service_account", "private_key": "x"}'
    (value,) = parsed("gcp_service_account", text).values()
    assert value == text


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_nothing_on_stdin_says_what_is_needed(text: str) -> None:
    """With the field's name, and the way to be asked."""
    with pytest.raises(
        UsageError, match="nothing came on stdin, and github_token needs token"
    ) as e:
        parsed("github_token", text)
    assert "`al creds add github_token` asks" in e.value.hint


def test_a_single_value_for_several_fields_is_refused() -> None:
    """Which of them would it be?"""
    with pytest.raises(UsageError, match="several fields: id_rsa, username, email"):
        parsed("git_ssh", "abc")


def test_an_unknown_field_is_named() -> None:
    """With those that there are, and none of the values."""
    with pytest.raises(UsageError, match="has no field tokn") as caught:
        parsed("github_token", '{"token": "s3cret", "tokn": "s3cret"}')
    assert caught.value.hint == "its fields: token"
    assert "s3cret" not in f"{caught.value}{caught.value.hint}"


@pytest.mark.parametrize(
    ("kind", "text", "stranger"),
    [
        ("github_token", '{"tokn": "s3cret"}', "tokn"),
        ("custom_key", '{"key": "s3cret"}', "key"),
        ("git_ssh", '{"key": "s3cret"}', "key"),
    ],
)
def test_an_object_of_unknown_fields_alone_is_not_kept_as_the_value(
    kind: str, text: str, stranger: str
) -> None:
    """A misspelt name must not make the whole object the token."""
    with pytest.raises(UsageError, match=f"{kind} has no field {stranger}") as caught:
        parsed(kind, text)
    assert "s3cret" not in f"{caught.value}{caught.value.hint}"


def test_an_empty_object_gives_no_field() -> None:
    """`{}` is no token."""
    assert parsed("github_token", "{}") == {}


def test_a_field_that_holds_json_can_be_given_by_name() -> None:
    """As any other field, its document in quotes."""
    assert parsed("gcp_service_account", '{"key_json": "{}"}') == {"key_json": "{}"}


def test_damaged_json_is_not_kept_as_a_secret() -> None:
    """A forgotten quote must not become the token."""
    with pytest.raises(UsageError, match="begins like JSON") as caught:
        parsed("github_token", '{"token": "s3cret}')
    assert "s3cret" not in f"{caught.value}{caught.value.hint}{caught.value.__cause__}"


@pytest.mark.parametrize("value", ["null", "true", "[1]", '{"a": 1}'])
def test_a_field_is_text(value: str) -> None:
    """`null` must not become the token `None`."""
    with pytest.raises(UsageError, match="not text: token"):
        parsed("github_token", f'{{"token": {value}}}')


# which type is meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("github", "'github_token' or 'github_webhook_secret'"),
        ("github-token", "'github_token'"),
        ("anthropic", "'anthropic_key'"),
        ("slack:acme", "'slack_bot_token' or 'slack_signing_secret'"),
        ("git_shh", "'git_ssh'"),
    ],
)
def test_an_unknown_type_names_the_near_ones(text: str, meant: str) -> None:
    """What begins so first, then what looks like it."""
    with pytest.raises(UsageError) as caught:
        creds.reference(text)
    assert caught.value.hint.startswith(f"did you mean {meant}")


@pytest.mark.parametrize("text", ["zzz", "", ":acme"])
def test_a_type_like_no_other_leads_to_the_list(text: str) -> None:
    """35 names are no hint."""
    with pytest.raises(UsageError) as caught:
        creds.reference(text)
    assert caught.value.hint == "list the types with `al creds types`"


def test_a_known_type_is_a_reference() -> None:
    """With its instance, which is checked as everywhere."""
    assert creds.reference("git_ssh:acme") == SSH
    with pytest.raises(ConfigError, match="is not a credential reference"):
        creds.reference("git_ssh:../x")


# adding


def test_what_is_added_can_be_used(store: Store) -> None:
    """All fields given, under type and instance."""
    written = creds.add(store, SSH, secrets(id_rsa=KEY, username="dev", email="d@example.com"))
    assert written == ("id_rsa", "username", "email")
    assert sorted(kept(store)) == [f"git_ssh/acme/{f}" for f in ("email", "id_rsa", "username")]


def test_a_missing_required_field_writes_nothing(store: Store) -> None:
    """All of the missing ones are named."""
    with pytest.raises(CredentialError, match="git_ssh:acme needs username, email"):
        creds.add(store, SSH, secrets(id_rsa=KEY))
    assert kept(store) == []


def test_a_field_alone_can_be_replaced(store: Store) -> None:
    """What is there already is not asked for again."""
    creds.add(store, SSH, secrets(id_rsa=KEY, username="dev", email="d@example.com"))
    assert creds.add(store, SSH, secrets(username="other")) == ("username",)
    found = store.get("git_ssh/acme/username")
    assert found
    assert found.reveal() == "other"


def test_a_value_that_cannot_be_right_writes_nothing(store: Store) -> None:
    """The offline check comes before the first field is written."""
    with pytest.raises(CredentialError) as caught:
        creds.add(store, SSH, secrets(id_rsa="s3cret", username="dev", email="d@example.com"))
    assert "s3cret" not in f"{caught.value}{caught.value.hint}"
    assert kept(store) == []


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("s3cret\0", "token has a NUL character"),
        ("s3cret\ud800", "token is not UTF-8 text"),
        ("s3cret" + "x" * 65_531, "token has 65,537 bytes, and 65,536 is the most"),
        ("s3cret" + "é" * 32_766, "token has 65,538 bytes, and 65,536 is the most"),
    ],
)
def test_a_value_that_no_run_could_get_writes_nothing(
    store: Store, value: str, problem: str
) -> None:
    """AWS Secrets Manager, "Quotas": 65,536 bytes of a secret's value; a variable's value ends at a NUL."""
    with pytest.raises(CredentialError, match=problem) as caught:
        creds.add(store, GITHUB, secrets(token=value))
    assert "s3cret" not in f"{caught.value}{caught.value.hint}{caught.value.__cause__}"
    assert kept(store) == []


def test_the_largest_value_is_kept(store: Store) -> None:
    """65,536 bytes, and not one more."""
    assert creds.add(store, GITHUB, secrets(token="x" * 65_536)) == ("token",)


@pytest.mark.parametrize(
    "key",
    [
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nabc",
        "abc\n-----END OPENSSH PRIVATE KEY-----",
        "PRIVATE KEY",
        "-----END OPENSSH PRIVATE KEY-----\nabc\n-----BEGIN OPENSSH PRIVATE KEY-----",
    ],
)
def test_a_part_of_a_key_writes_nothing(store: Store, key: str) -> None:
    """A key has its BEGIN line and, after it, its END line."""
    with pytest.raises(CredentialError, match="id_rsa is only a part of a key"):
        creds.add(store, SSH, secrets(id_rsa=key, username="dev", email="d@example.com"))
    assert kept(store) == []


def test_an_unknown_field_writes_nothing(store: Store) -> None:
    """Also one that `--file` names."""
    with pytest.raises(UsageError, match="has no field tokn"):
        creds.add(store, GITHUB, secrets(tokn="x"))
    assert kept(store) == []


def test_an_empty_value_does_not_count(store: Store) -> None:
    """It replaces nothing, and is no value where there was none."""
    with pytest.raises(CredentialError, match="needs token"):
        creds.add(store, GITHUB, secrets(token=""))
    creds.add(store, GITHUB, secrets(token="ghp_1"))
    with pytest.raises(CredentialError, match="no value was given"):
        creds.add(store, GITHUB, secrets(token=""))


# listing and removing


def test_the_list_has_types_instances_and_fields(store: Store) -> None:
    """And not one value."""
    creds.add(store, GITHUB, secrets(token="s3cret"))
    (held,) = creds.held(store, warn=pytest.fail)
    assert (str(held.ref), held.label, held.fields) == ("github_token", "GitHub token", ("token",))
    assert "s3cret" not in repr(held)


def test_what_is_no_credential_is_left_out_with_a_warning(store: Store, tmp_path: Path) -> None:
    """A README, or a directory too deep, does not hide the credentials beside it."""
    creds.add(store, GITHUB, secrets(token="ghp_1"))
    root = tmp_path / "home" / "credentials"
    (root / "README").write_text("mine")
    (root / "a/b/c").mkdir(parents=True)
    (root / "a/b/c/d").write_text("x")
    warned: list[str] = []
    assert [str(held.ref) for held in creds.held(store, warn=warned.append)] == ["github_token"]
    assert [line.split(" ")[0] for line in warned] == ["README", "a/b/c/d"]


def test_removing_takes_every_field(store: Store) -> None:
    """Of that instance, and of no other."""
    creds.add(store, SSH, secrets(id_rsa=KEY, username="dev", email="d@example.com"))
    creds.add(store, GITHUB, secrets(token="ghp_1"))
    assert sorted(creds.remove(store, SSH)) == ["email", "id_rsa", "username"]
    assert kept(store) == ["github_token/default/token"]


def test_removing_what_is_not_there_says_so(store: Store) -> None:
    """With the way to what is there."""
    with pytest.raises(NotFound, match="there is no credential git_ssh:acme") as caught:
        creds.remove(store, SSH)
    assert "al creds ls" in caught.value.hint


def test_required_fields_are_asked_for_first() -> None:
    """Optional ones may be passed over with Enter."""
    asked = creds.asked(type_of(CredentialRef(type="custom_key")))
    assert [f.optional for f in asked] == sorted(f.optional for f in asked)
