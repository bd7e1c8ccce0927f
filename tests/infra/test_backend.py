"""Where the user says that Pulumi's state is."""

import json
from pathlib import Path

import pytest

from infra import backend
from toolkit.core.errors import ConfigError, CredentialError

CLOUD = "https://api.pulumi.com"


@pytest.mark.parametrize(
    "url",
    ["s3://team/al?region=eu-central-1", "gs://team", "azblob://states?storage_account=x", CLOUD],
)
def test_a_url_is_taken_as_it_is(tmp_path: Path, url: str) -> None:
    """Pulumi knows what to do with it."""
    assert backend.url(url, tmp_path) == url


@pytest.mark.parametrize("chosen", ["state", "./state", "file://state"])
def test_a_directory_is_relative_to_the_project(tmp_path: Path, chosen: str) -> None:
    """In any way of writing it."""
    (tmp_path / "state").mkdir()
    assert backend.url(chosen, tmp_path) == (tmp_path / "state").resolve().as_uri()


def test_the_users_home_may_be_written_as_a_tilde(tmp_path: Path) -> None:
    """As Pulumi's own documentation does: file://~."""
    assert backend.url("file://~", tmp_path) == Path.home().resolve().as_uri()


def test_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    """It may be a typing mistake: state is not scattered."""
    with pytest.raises(ConfigError, match="not a directory"):
        backend.url("stat", tmp_path)


@pytest.mark.parametrize("chosen", ["ftp://x", "s3://", "S3://x", "://x"])
def test_another_scheme_is_refused_with_the_known_ones(tmp_path: Path, chosen: str) -> None:
    """Before Pulumi answers in its own words."""
    with pytest.raises(ConfigError) as error:
        backend.url(chosen, tmp_path)
    assert "gs://..." in error.value.hint


def test_pulumi_cloud_without_a_login_is_an_error_that_names_the_variable(tmp_path: Path) -> None:
    """Headless, Pulumi would fail late; in a terminal it would ask behind our progress."""
    with pytest.raises(CredentialError) as error:
        backend.check_login(CLOUD, {"PULUMI_HOME": str(tmp_path)})
    assert "PULUMI_ACCESS_TOKEN" in error.value.hint
    assert f"pulumi login {CLOUD}" in error.value.hint


def test_a_token_will_do(tmp_path: Path) -> None:
    """As in CI."""
    environment = {"PULUMI_HOME": str(tmp_path), "PULUMI_ACCESS_TOKEN": "pul-x"}
    assert backend.check_login(CLOUD, environment) is None


def test_a_login_will_do(tmp_path: Path) -> None:
    """As on a laptop: `pulumi login` keeps the token in its own file."""
    kept = {"accessTokens": {f"{CLOUD}/": "pul-x"}}
    (tmp_path / "credentials.json").write_text(json.dumps(kept))
    assert backend.check_login(CLOUD, {"PULUMI_HOME": str(tmp_path)}) is None


def test_buckets_need_no_login_of_pulumis(tmp_path: Path) -> None:
    """They have their own cloud's credentials."""
    assert backend.check_login("s3://team", {"PULUMI_HOME": str(tmp_path)}) is None
