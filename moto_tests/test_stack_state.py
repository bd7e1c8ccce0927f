"""The driver of Pulumi: the passphrase of its state, and the end of a stack; with a double of the CLI."""

from pathlib import Path

import pytest
import yaml

from infra.stack import Stack
from moto_tests.pulumi_double import Double, settings
from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.core.errors import AlError
from toolkit.core.ports import Context
from toolkit.core.secrets import Secret
from toolkit.credentials.stores.local_files import LocalFiles

PASSPHRASE = "correct horse battery"


def applied(context: Context) -> None:
    Stack(context).apply([], progress=lambda _: None)


def buckets(context: Context) -> list[str]:
    s3 = clients_for(cloud_of(context.environment)).client("s3")
    return [b["Name"] for b in s3.list_buckets()["Buckets"]]


# ----------------------------------------------------------------- the passphrase


@pytest.fixture
def credentials(pulumi_context: Context) -> LocalFiles:
    return LocalFiles(pulumi_context)


def test_a_passphrase_is_a_variable_and_never_an_argument(
    pulumi_context: Context, pulumi: Double, credentials: LocalFiles
) -> None:
    """From the credential of the environment, else from the one for all; in no file either."""
    credentials.put("pulumi_passphrase/default/passphrase", Secret(PASSPHRASE), tags={})
    chosen = settings(pulumi_context, secretsProvider="passphrase")
    Stack(chosen, credentials).apply([], progress=lambda _: None)
    assert {call["variables"]["PULUMI_CONFIG_PASSPHRASE"] for call in pulumi.calls} == {PASSPHRASE}
    seen = [(call["words"], call["settings"]) for call in pulumi.calls]
    assert PASSPHRASE not in str(seen)


def test_the_environments_own_passphrase_comes_first(
    pulumi_context: Context, pulumi: Double, credentials: LocalFiles
) -> None:
    """Staging's need not open production's."""
    credentials.put("pulumi_passphrase/default/passphrase", Secret("for all of them"), tags={})
    credentials.put("pulumi_passphrase/staging/passphrase", Secret(PASSPHRASE), tags={})
    Stack(settings(pulumi_context, secretsProvider="passphrase"), credentials).apply(
        [], progress=lambda _: None
    )
    assert {call["variables"]["PULUMI_CONFIG_PASSPHRASE"] for call in pulumi.calls} == {PASSPHRASE}


def test_a_missing_passphrase_stops_before_anything_is_made(
    pulumi_context: Context, pulumi: Double
) -> None:
    """Never the empty one instead."""
    with pytest.raises(AlError, match="passphrase of Pulumi's state is missing"):
        applied(settings(pulumi_context, secretsProvider="passphrase"))
    assert pulumi.commands == []
    assert buckets(pulumi_context) == []


def test_a_key_is_told_to_pulumi_each_time(pulumi_context: Context, pulumi: Double) -> None:
    """A stack that is only selected would otherwise get Pulumi's default
    (https://github.com/pulumi/pulumi/issues/8183)."""
    pulumi.has("staging")
    applied(settings(pulumi_context, secretsProvider="awskms://alias/al"))
    config = yaml.safe_load(pulumi.calls[0]["settings"]["Pulumi.staging.yaml"])
    assert config["secretsprovider"] == "awskms://alias/al"


# ----------------------------------------------------------------- forgetting


def test_forgetting_a_state_in_our_own_bucket_needs_no_pulumi(
    aws_context: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It goes with the bucket."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Stack(aws_context).forget(progress=lambda _: None) == ""


def test_forgetting_removes_the_stack_from_the_users_place(
    pulumi_context: Context, pulumi: Double, tmp_path: Path
) -> None:
    """By force: what its state names has been removed otherwise.  Twice is fine."""
    (tmp_path / "state").mkdir()
    chosen = settings(pulumi_context, backend=str(tmp_path / "state"))
    pulumi.has("staging")
    assert Stack(chosen).forget(progress=lambda _: None) == ""
    assert pulumi.stacks == []
    assert "--force" in pulumi.calls[-1]["words"]
    assert Stack(chosen).forget(progress=lambda _: None) == ""


def test_forgetting_without_a_cli_says_what_is_left(
    aws_context: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Teardown must not fail for it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "state").mkdir()
    chosen = settings(aws_context, backend=str(tmp_path / "state"))
    left = Stack(chosen).forget(progress=lambda _: None)
    assert "pulumi stack rm --force staging" in left
