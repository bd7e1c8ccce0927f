"""The driver of Pulumi: what it does before, around and after the engine, with a double of the CLI and moto's AWS.

The engine itself is not here: what it does with our program is tried in test_pulumi_engine.py, where there is a CLI.
"""

import os
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra import versions
from infra.adoption import WHOLES
from infra.stack import Stack
from moto_tests.pulumi_double import Double, resource, settings
from tests.fakes import FakeClock, MemoryLedger
from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.core.errors import AccessDenied, AlError, ConfigError, Conflict, Unreachable
from toolkit.core.plan import Action, Item
from toolkit.core.ports import Context
from toolkit.ops.deploy_lease import USUAL, Lease
from toolkit.ops.holder import Holder

BUCKET = "al-shop-staging-pulumi-123456789012-us-east-1"
ROLE = "al-shop-staging-dev-task-role"
TRUST = {"Version": "2012-10-17", "Statement": []}


def client(context: Context, service: str) -> Any:
    return clients_for(cloud_of(context.environment)).client(service)


def role(name: str = ROLE) -> Item:
    return Item(
        kind="role",
        name=name,
        attributes={"trust": TRUST, "policy": TRUST, "boundary": None},
        tags={"al:managed": "true"},
    )


def made(context: Context, name: str = ROLE, tags: dict[str, str] | None = None) -> None:
    """A role of that name, ours unless said otherwise."""
    pairs = (context.names.tags() if tags is None else tags).items()
    client(context, "iam").create_role(
        RoleName=name,
        AssumeRolePolicyDocument='{"Version":"2012-10-17","Statement":[]}',
        Tags=[{"Key": k, "Value": v} for k, v in pairs],
    )


def step(op: str, name: str = ROLE) -> dict[str, Any]:
    urn = f"urn:pulumi:staging::shop::al:aws:Identity$aws:iam/role:Role::{name}"
    state = {
        "type": "aws:iam/role:Role",
        "urn": urn,
        "id": name,
        "parent": "",
        "provider": "",
        "inputs": {},
    }
    return {
        "op": op,
        "urn": urn,
        "type": "aws:iam/role:Role",
        "provider": "",
        "new": state,
        "old": state,
    }


def applied(context: Context, *items: Item) -> tuple[dict[str, Any], list[str]]:
    """The outputs and what was told."""
    told: list[str] = []
    outputs = Stack(context).apply(items, progress=told.append)
    return dict(outputs), told


# ----------------------------------------------------------------- what it takes


def test_without_a_cli_nothing_is_made(
    aws_context: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The check comes before the bucket."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AlError, match="no Pulumi CLI"):
        applied(aws_context)
    assert client(aws_context, "s3").list_buckets()["Buckets"] == []


def test_another_accounts_credentials_are_refused(pulumi_context: Context, pulumi: Double) -> None:
    """Before anything is made: a profile that was left set is a common mistake."""
    elsewhere = replace(cloud_of(pulumi_context.environment), account="210987654321")
    environment = replace(pulumi_context.environment, cloud=elsewhere)
    with pytest.raises(ConfigError, match=r"123456789012.*210987654321"):
        applied(replace(pulumi_context, environment=environment))
    assert pulumi.commands == []


def test_pulumi_cloud_without_a_login_is_refused_before_pulumi_asks(
    pulumi_context: Context, pulumi: Double
) -> None:
    """Nobody could answer it."""
    with pytest.raises(AlError, match=r"api\.pulumi\.com wants a login"):
        applied(settings(pulumi_context, backend="https://api.pulumi.com"))
    assert pulumi.commands == []


def test_the_provider_is_downloaded_once_and_told(
    pulumi_context: Context, pulumi: Double, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exactly the version of the package; some hundred megabytes in silence would look like a hang."""
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "fresh"))
    _, told = applied(pulumi_context)
    install = pulumi.calls[pulumi.commands.index("plugin install")]["words"]
    assert install[-2:] == ["aws", f"v{versions.provider()}"]
    assert told == [
        f"downloading Pulumi's AWS provider {versions.provider()}, once for this machine"
    ]


def test_a_provider_that_cannot_be_had_is_unreachable(
    pulumi_context: Context, pulumi: Double, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that gets it elsewhere."""
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "fresh"))
    pulumi.fails("403 HTTP error fetching plugin")
    with pytest.raises(Unreachable, match="403 HTTP error") as error:
        applied(pulumi_context)
    assert f"pulumi plugin install resource aws v{versions.provider()}" in error.value.hint


# ----------------------------------------------------------------- applying


def test_applying_makes_the_bucket_and_the_stack_and_gives_the_outputs(
    pulumi_context: Context, pulumi: Double
) -> None:
    """The state is read, the account is refreshed into it, the program runs."""
    outputs, _ = applied(pulumi_context)
    assert outputs == {"gateway_url": "https://x"}
    assert pulumi.stacks == ["staging"]
    assert pulumi.commands[:4] == ["stack select", "stack init", "stack export", "up"]
    assert "--refresh" in pulumi.calls[3]["words"]
    assert [b["Name"] for b in client(pulumi_context, "s3").list_buckets()["Buckets"]] == [BUCKET]
    assert pulumi.calls[0]["variables"]["PULUMI_BACKEND_URL"].startswith(f"s3://{BUCKET}?")


def test_pulumi_gets_the_region_and_the_only_account_that_it_may_touch(
    pulumi_context: Context, pulumi: Double
) -> None:
    """The provider itself then refuses credentials of another one."""
    applied(pulumi_context)
    config = yaml.safe_load(pulumi.calls[0]["settings"]["Pulumi.staging.yaml"])["config"]
    assert config["aws:region"] == "us-east-1"
    assert config["aws:allowedAccountIds"] == ["123456789012"]


def test_what_pulumi_writes_beside_its_state_is_gone_afterwards(
    pulumi_context: Context, pulumi: Double
) -> None:
    """Settings and salts of hundreds of pushes would pile up among temporary files."""
    applied(pulumi_context)
    assert [call["cwd"] for call in pulumi.calls if Path(call["cwd"]).exists()] == []


def test_changes_are_told_as_they_are_made(pulumi_context: Context, pulumi: Double) -> None:
    """One line for each."""
    pulumi.plays(*({"resOutputsEvent": {"metadata": step(op)}} for op in ("create", "same")))
    _, told = applied(pulumi_context)
    assert told == [f"created role {ROLE}"]


def test_a_failure_names_the_resource_and_what_aws_said(
    pulumi_context: Context, pulumi: Double
) -> None:
    """As an error of ours, with its remedy."""
    message = "creating IAM Role: api error AccessDenied: not authorized to perform: iam:CreateRole"
    said = {"message": message, "severity": "error", "urn": step("create")["urn"]}
    pulumi.plays({"diagnosticEvent": said})
    pulumi.fails("error: update failed")
    with pytest.raises(AccessDenied, match=f"role {ROLE}: creating IAM Role"):
        applied(pulumi_context)


# ----------------------------------------------------------------- what is there already


def test_what_is_there_and_ours_is_taken_over(pulumi_context: Context, pulumi: Double) -> None:
    """A push that was killed left it, and Pulumi's state knows nothing of it: the push goes on."""
    made(pulumi_context)
    pulumi.plays({"resOutputsEvent": {"metadata": step("import")}})
    _, told = applied(pulumi_context, role())
    assert told == [f"took over role {ROLE}"]


def test_what_is_somebody_elses_is_refused_before_the_engine_starts(
    pulumi_context: Context, pulumi: Double
) -> None:
    """Named, with the tags that would hand it over."""
    made(pulumi_context, tags={"al:project": "another"})
    with pytest.raises(Conflict, match=ROLE):
        applied(pulumi_context, role())
    assert "up" not in pulumi.commands


def test_what_others_made_under_a_name_that_the_state_knows_is_refused(
    pulumi_context: Context, pulumi: Double
) -> None:
    """Ours was deleted by hand, and Pulumi would find theirs by its name: it would get our trust and our tags."""
    made(pulumi_context, tags={"team": "another"})
    pulumi.has("staging", state=[resource(WHOLES["role"], ROLE)])
    with pytest.raises(Conflict, match=ROLE):
        applied(pulumi_context, role())
    assert "up" not in pulumi.commands


def test_what_others_made_is_not_removed_with_what_we_no_longer_want(
    pulumi_context: Context, pulumi: Double
) -> None:
    """The agent is gone from the project, and Pulumi would delete their registry with its images."""
    client(pulumi_context, "ecr").create_repository(repositoryName="al-shop-staging-dev")
    pulumi.has("staging", state=[resource(WHOLES["repository"], "al-shop-staging-dev")])
    with pytest.raises(Conflict, match="repository al-shop-staging-dev") as error:
        applied(pulumi_context)
    assert "pulumi state delete" in error.value.hint
    assert "up" not in pulumi.commands


def test_what_the_state_knows_and_is_gone_is_left_to_pulumi(
    pulumi_context: Context, pulumi: Double
) -> None:
    """Its refresh notices; there is nobody's in its place."""
    pulumi.has("staging", state=[resource(WHOLES["role"], ROLE)])
    applied(pulumi_context, role())
    assert "up" in pulumi.commands


def test_a_secret_that_waits_for_its_deletion_is_kept(
    pulumi_context: Context, pulumi: Double
) -> None:
    """CreateSecret would refuse its name for the length of the recovery window (Secrets Manager API reference,
    DeleteSecret), and a forced deletion takes its time as well."""
    name = f"{pulumi_context.names.secrets}github_token/default/token"
    manager = client(pulumi_context, "secretsmanager")
    tags = [{"Key": k, "Value": v} for k, v in pulumi_context.names.tags().items()]
    manager.create_secret(Name=name, SecretString="x", Tags=tags)
    manager.delete_secret(SecretId=name, RecoveryWindowInDays=7)
    _, told = applied(
        pulumi_context, Item(kind="secret", name=name, attributes={"description": "x"})
    )
    assert "DeletedDate" not in manager.describe_secret(SecretId=name)
    assert any(f"keeping {name}" in line for line in told)


def test_a_state_of_a_newer_provider_is_refused_before_the_engine_starts(
    pulumi_context: Context, pulumi: Double
) -> None:
    """An old provider fails on it in a riddle."""
    newer = resource(versions.PROVIDER, "default", inputs={"version": "99.0.0"})
    pulumi.has("staging", state=[newer])
    with pytest.raises(Conflict, match=r"pulumi-aws 99\.0\.0"):
        applied(pulumi_context)
    assert "up" not in pulumi.commands


def test_what_was_being_made_when_pulumi_was_killed_is_decided_by_looking(
    pulumi_context: Context, pulumi: Double
) -> None:
    """Pulumi asks a person about it; what became of it can be seen in the account."""
    made(pulumi_context)
    pulumi.has("staging", unfinished=[resource(WHOLES["role"], ROLE)])
    _, told = applied(pulumi_context, role())
    after = pulumi.commands[pulumi.commands.index("refresh") :]
    assert after[:3] == ["refresh", "stack history", "stack export"]
    assert "up" in after
    assert "--clear-pending-creates" in pulumi.calls[pulumi.commands.index("refresh")]["words"]
    assert told == [f"Pulumi was killed while it made {ROLE}: looking what became of it"]


# ----------------------------------------------------------------- locks


def test_a_lock_that_was_left_behind_is_taken_away_and_told(
    pulumi_context: Context, pulumi: Double
) -> None:
    """Under our deploy lease nobody else is at work: a killed CI job blocks nobody."""
    pulumi.is_locked("runner-7", 285)
    _, told = applied(pulumi_context)
    assert [c for c in pulumi.commands if c in ("up", "cancel")] == ["up", "cancel", "up"]
    assert told == [
        "taking away a lock on Pulumi's state, left behind by ci@runner-7 pid 285 since 2026-11-20T12:00:00Z"
    ]


def test_the_lock_of_a_live_process_of_this_machine_is_respected(
    pulumi_context: Context, pulumi: Double
) -> None:
    """Somebody runs `pulumi` by hand."""
    pulumi.is_locked(socket.gethostname(), os.getpid())
    with pytest.raises(Conflict, match=f"pid {os.getpid()}"):
        applied(pulumi_context)
    assert "cancel" not in pulumi.commands


# ----------------------------------------------------------------- the lease


def test_a_push_that_was_overtaken_while_it_slept_ends_its_pulumi(
    pulumi_context: Context, pulumi: Double
) -> None:
    """Two engines on one state would each undo what the other does.  Pulumi ends what it has begun, and `al` waits."""
    asleep = Asleep((pulumi.root / "hanging").exists)
    pulumi.hangs()
    told: list[str] = []
    with pytest.raises(Conflict, match=r"no longer holds the environment: bob@ci"):
        Stack(pulumi_context).apply([], progress=told.append, check=asleep.check)
    assert told == ["this is not ours to do any more: Pulumi ends what it has begun"]
    assert (pulumi.root / "interrupted").exists()
    assert pulumi.commands[-1] == "up"


def test_who_was_overtaken_takes_no_lock_away(pulumi_context: Context, pulumi: Double) -> None:
    """It is the lock of whoever works now."""
    asleep = Asleep(lambda: "up" in pulumi.commands)
    pulumi.is_locked("runner-7", 285)
    with pytest.raises(Conflict, match=r"no longer holds the environment: bob@ci"):
        Stack(pulumi_context).apply([], progress=lambda _: None, check=asleep.check)
    assert "cancel" not in pulumi.commands


class Asleep:
    """A laptop that sleeps as soon as its Pulumi is at work, so that its lease runs out and CI takes it."""

    def __init__(self, at_work: Callable[[], bool]) -> None:
        self._at_work, self._clock, self._ledger = at_work, FakeClock(), MemoryLedger()
        self._lease = self._taken("ann@laptop")

    def check(self) -> None:
        """The lease's, once it has slept."""
        if self._clock.monotonic() == 0 and self._at_work():
            self._clock.sleep(1_000)
            self._taken("bob@ci")
        self._lease.check()

    def _taken(self, who: str) -> Lease:
        lease = Lease(
            self._ledger, Holder(name=who), terms=USUAL, clock=self._clock, sleep=self._clock.sleep
        )
        lease.take()
        return lease


# ----------------------------------------------------------------- previews


def test_a_preview_makes_neither_bucket_nor_stack(pulumi_context: Context, pulumi: Double) -> None:
    """A dry run changes nothing, not even where the state would be: it looks at an empty one, which it throws away."""
    pulumi.plays({"resourcePreEvent": {"metadata": step("create"), "planning": True}})
    plan = Stack(pulumi_context).preview([role()])
    assert [(c.action, c.item.name) for c in plan.changes] == [(Action.CREATE, ROLE)]
    assert client(pulumi_context, "s3").list_buckets()["Buckets"] == []
    backends = {call["variables"]["PULUMI_BACKEND_URL"] for call in pulumi.calls}
    assert [url for url in backends if not url.startswith("file:///tmp")] == []


def test_a_preview_makes_no_stack_in_a_state_that_is_there(
    pulumi_context: Context, pulumi: Double, tmp_path: Path
) -> None:
    """Nor in one that the user has named."""
    (tmp_path / "state").mkdir()
    Stack(settings(pulumi_context, backend=str(tmp_path / "state"))).preview([])
    inits = [call for call in pulumi.calls if "init" in call["words"]]
    backends = {call["variables"]["PULUMI_BACKEND_URL"] for call in inits}
    assert len(inits) == 1
    assert (tmp_path / "state").as_uri() not in backends


def test_a_preview_refuses_what_is_somebody_elses(pulumi_context: Context, pulumi: Double) -> None:
    """As the push would; also where the state believes it to be ours."""
    made(pulumi_context, tags={})
    pulumi.has("staging", state=[resource(WHOLES["role"], ROLE)])
    with pytest.raises(Conflict, match=ROLE):
        Stack(pulumi_context).preview([role()])
