"""The driver of Pulumi for a project on Google Cloud: what it gives the engine, with a double of the CLI.

The engine itself is not here, and no real project: docs/gcp.md says so.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra import versions
from infra.adoption import at_stake, decide, recorded
from infra.provider_gcp import WHOLES, GcpProvider
from infra.stack import Stack
from moto_tests.gcp.deployed import Console, account, items, own_repository, roles, with_cloud
from moto_tests.pulumi_double import Double, resource, settings
from toolkit.clouds.gcp import cloud_of, gcp_clients_for
from toolkit.core.errors import AccessDenied, Conflict
from toolkit.core.plan import Item
from toolkit.core.ports import Context
from toolkit.core.secrets import Secret
from toolkit.sandbox.engine import Engine


@pytest.fixture
def context(gcp_context: Context, pulumi: Double, tmp_path: Path) -> Context:
    """With that CLI, and a state in a directory."""
    (tmp_path / "state").mkdir()
    own = own_repository(gcp_context)
    return settings(own, root=str(pulumi.root), backend=str(tmp_path / "state"))


def applied(context: Context, wanted: tuple[Item, ...]) -> list[str]:
    told: list[str] = []
    Stack(context).apply(wanted, progress=told.append)
    return told


def of_stack(pulumi: Double) -> Mapping[str, Any]:
    """The settings that the engine found."""
    found: Mapping[str, Any] = yaml.safe_load(pulumi.calls[0]["settings"]["Pulumi.staging.yaml"])
    return found


def test_the_provider_is_told_the_project_and_the_region(context: Context, pulumi: Double) -> None:
    """Its own defaults may be others
    (https://www.pulumi.com/registry/packages/gcp/installation-configuration/)."""
    applied(context, items(context))
    config = of_stack(pulumi)["config"]
    assert (config["gcp:project"], config["gcp:region"]) == ("al-sandbox", "europe-west1")


def test_where_nobody_says_otherwise_the_state_is_in_a_bucket_of_ours(
    context: Context, pulumi: Double
) -> None:
    """It is made before any command of the engine is given."""
    applied(settings(context, backend=""), items(context))
    assert "gs://al-shop-staging-pulumi-123456789012" in str(pulumi.calls[0])


def test_a_project_that_may_not_be_looked_at_is_said_first(
    context: Context, pulumi: Double
) -> None:
    """Before anything is downloaded or made; Google does not tell an absent one from a forbidden one."""
    elsewhere = with_cloud(context, project="al-elsewhere")
    with pytest.raises(AccessDenied, match="al-elsewhere"):
        applied(elsewhere, items(context))
    assert pulumi.commands == []


def test_the_provider_is_downloaded_by_its_own_version(
    context: Context, pulumi: Double, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the package, as on AWS."""
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "fresh"))
    told = applied(context, items(context))
    version = versions.provider("gcp")
    install = pulumi.calls[pulumi.commands.index("plugin install")]["words"]
    assert install[-2:] == ["gcp", f"v{version}"]
    assert f"downloading Pulumi's Google Cloud provider {version}, once for this machine" in told


def test_this_machine_s_key_reaches_pulumi_in_a_variable(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never as an argument (https://www.pulumi.com/registry/packages/gcp/installation-configuration/)."""
    real = with_cloud(context, endpoint=None, project="al-with-a-key")
    gcp_clients_for(cloud_of(real.environment), lambda: Secret('{"private_key": "hunter2"}'))
    provider = GcpProvider(real)
    assert provider.variables() == {"GOOGLE_CREDENTIALS": '{"private_key": "hunter2"}'}
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", os.devnull)
    assert provider.variables() == {}


def test_what_is_there_and_ours_is_imported(context: Context) -> None:
    """By the ids that Pulumi's pages name; what the state knows already is not."""
    wanted = items(context)
    Engine(context).apply(wanted, progress=lambda _: None)
    known = recorded([resource(WHOLES["service_account"], account(context, "ops"))])
    found = GcpProvider(context).find(at_stake(wanted, known, WHOLES))
    imports = decide(context.names, found, wanted, known, WHOLES).imports
    parent, place = "projects/al-sandbox", "projects/al-sandbox/locations/europe-west1"
    email = Console(cloud_of(context.environment)).email
    assert imports == {
        (WHOLES[kind], name): ref
        for kind, name, ref in [
            ("service_account", account(context, "dev"), f"{parent}/serviceAccounts/{email(account(context, 'dev'))}"),
            ("service_account", "gw-al-shop-staging", f"{parent}/serviceAccounts/{email('gw-al-shop-staging')}"),
            *(("custom_role", name, f"{parent}/roles/{name}") for name in roles(context)),
            ("image_repository", "al-shop-staging-images", f"{place}/repositories/al-shop-staging-images"),
            *(
                ("secret", i.name, f"{parent}/secrets/{i.name.replace('/', '--')}")
                for i in wanted
                if i.kind == "secret"
            ),
        ]
    }  # fmt: skip


def test_what_is_somebody_else_s_is_refused_before_anything_is_changed(
    context: Context, pulumi: Double
) -> None:
    """By name."""
    Console(cloud_of(context.environment)).make_account(account(context, "dev"))
    with pytest.raises(Conflict, match="service account al-shop-staging-dev"):
        applied(context, items(context))
    assert "up" not in pulumi.commands
