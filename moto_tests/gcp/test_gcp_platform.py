"""The platform of a container on Google Cloud, with the metadata server's token and the rights of an agent's account."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.platform import RUN, VALUE, PlatformContract
from toolkit.core.errors import AccessDenied, CredentialError, Unreachable
from toolkit.core.mailbox_lines import collected
from toolkit.core.ports import Context, Platform, Store
from toolkit.core.run import Mailbox
from toolkit.core.secrets import Secret
from toolkit.credentials.stores.gcp_secrets import GcpSecrets
from toolkit.inside.platforms.gcp import Gcp
from toolkit.sandbox.gcp.cloud import Google

Log = list[bytes]


@pytest.fixture
def store(gcp_context: Context) -> GcpSecrets:
    return GcpSecrets(gcp_context, sleep=lambda _: None)


@pytest.fixture
def secret(gcp_context: Context) -> str:
    """The name of the run's secret."""
    return gcp_context.names.run_secret(RUN)


@pytest.fixture
def log() -> Log:
    """What containers have printed."""
    return []


@pytest.fixture
def container(google: Google, dev_account: str, secret: str, log: Log) -> Callable[..., Gcp]:
    """Another container of the run, as Cloud Run would start one."""
    environ = {
        "AL_RUN_ID": RUN,
        "AL_SECRET": secret,
        "AL_GCP_PROJECT": google.project,
        **google.surroundings(google.tickets.issue(dev_account)),
    }

    def make(**more: Any) -> Gcp:
        return Gcp(environ, write=log.append, **{"patience": 0.3, **more})

    return make


@pytest.fixture
def made(store: GcpSecrets, secret: str, gcp_context: Context) -> None:
    """What the launcher has made."""
    store.put(secret, Secret(VALUE), tags=gcp_context.names.tags(agent="dev", run=RUN))


def mailbox_in(log: Log) -> Mailbox:
    return collected((json.loads(line) for line in log), RUN) or Mailbox()


class TestGcp(PlatformContract):
    """The whole contract, but for the stop flag: Cloud Run ends executions from outside."""

    @pytest.fixture
    def secret(self, gcp_context: Context) -> str:
        return gcp_context.names.run_secret(RUN)

    @pytest.fixture
    def ledger(self) -> None:
        """A container on Google Cloud has none."""

    @pytest.fixture
    def mailbox(self, log: Log) -> Callable[[], Mailbox]:  # type: ignore[override]
        return lambda: mailbox_in(log)

    @pytest.fixture
    def make(
        self, container: Callable[..., Gcp], allow_runs: Callable[[str], None], made: None
    ) -> Callable[[], Platform]:
        allow_runs("dev")
        return container

    def test_a_stop_is_a_signal_here(self, make: Callable[[], Platform]) -> None:
        """CancelExecution sends SIGTERM (https://cloud.google.com/run/docs/container-contract), so nothing is polled."""
        assert not make().stop_requested()


@pytest.fixture
def granted(allow_runs: Callable[[str], None], made: None) -> None:
    allow_runs("dev")


@pytest.mark.usefixtures("granted")
def test_a_claim_is_the_burning(
    container: Callable[..., Gcp], store: Store, secret: str, google: Google
) -> None:
    """One write, and nothing is left for anybody: of 600 writes a minute a run takes three
    (https://cloud.google.com/secret-manager/quotas)."""
    google.counts.clear()
    platform = container()
    assert platform.claim({})
    assert platform.read_secret().reveal() == VALUE
    platform.burn_secret()
    assert calls(google) == {"AccessSecretVersion": 1, "GetSecret": 1, "DeleteSecret": 1}
    assert not store.exists(secret)


@pytest.mark.usefixtures("granted")
def test_a_claim_whose_answer_was_lost_is_not_worked_for(
    container: Callable[..., Gcp], google: Google, log: Log
) -> None:
    """The deletion was done, by us or by another, and nothing tells by whom: at most one works, so none does."""
    google.faults.lose("DeleteSecret")
    with pytest.raises(CredentialError, match="cannot be known") as raised:
        container(sleep=lambda _: None).claim({})
    assert "start the run again" in raised.value.hint
    assert mailbox_in(log).claimed is None


@pytest.mark.usefixtures("granted")
@pytest.mark.parametrize("code", ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "INTERNAL"])
def test_a_claim_that_failed_is_tried_again(
    container: Callable[..., Gcp], google: Google, code: str
) -> None:
    """With the same etag: if Google does it now, it has not done it before."""
    google.faults.fail("DeleteSecret", code, times=2)
    assert container(sleep=lambda _: None).claim({})


@pytest.mark.usefixtures("granted")
def test_a_secret_that_was_changed_meanwhile_is_not_claimed(
    container: Callable[..., Gcp], google: Google, store: Store, secret: str
) -> None:
    """FAILED_PRECONDITION for an etag that is not the present one (https://cloud.google.com/secret-manager/docs/etags)."""
    google.faults.fail("DeleteSecret", "FAILED_PRECONDITION")
    assert not container().claim({})
    assert store.exists(secret)


@pytest.mark.usefixtures("granted")
def test_a_version_that_was_destroyed_is_not_claimed(
    container: Callable[..., Gcp], store: GcpSecrets, secret: str
) -> None:
    """FAILED_PRECONDITION says that there is nothing to read any more."""
    client = store._client
    client.destroy_secret_version(name=f"{store._path(secret)}/versions/1")
    assert not container().claim({})


@pytest.mark.usefixtures("made")
def test_an_account_that_was_just_made_is_waited_for(
    container: Callable[..., Gcp], allow_runs: Callable[[str], None], log: Log
) -> None:
    """A grant takes minutes to be seen (https://cloud.google.com/iam/docs/access-change-propagation); the log says that
    it is waited for, once."""
    granted_at = iter([lambda: None, lambda: None, lambda: allow_runs("dev")])

    def sleep(_seconds: float) -> None:
        next(granted_at)()

    assert container(patience=60, sleep=sleep).claim({})
    said = [json.loads(line)["msg"] for line in log]
    assert [text.partition(":")[0] for text in said] == ["waiting", "mailbox"]


@pytest.mark.usefixtures("made")
def test_an_account_that_may_nothing_fails_in_the_end(container: Callable[..., Gcp]) -> None:
    """With Google's own words."""
    with pytest.raises(AccessDenied, match=r"secretmanager\.versions\.access"):
        container().claim({})


@pytest.mark.usefixtures("made")
def test_another_agents_account_may_not_claim_it(
    container: Callable[..., Gcp], allow_runs: Callable[[str], None], store: Store, secret: str
) -> None:
    """The condition is on the names of an agent's own runs, with the project's number
    (https://cloud.google.com/iam/docs/conditions-resource-attributes)."""
    allow_runs("ops")
    with pytest.raises(AccessDenied):
        container().claim({})
    assert store.exists(secret)


@pytest.mark.usefixtures("granted")
def test_a_secret_that_is_readable_and_not_to_be_seen_is_waited_for(
    container: Callable[..., Gcp], google: Google
) -> None:
    """Only reading by number is consistent at once (https://cloud.google.com/secret-manager/docs/reference/consistency)."""
    google.faults.fail("GetSecret", "NOT_FOUND", times=2)
    assert container(patience=60, sleep=lambda _: None).claim({})


@pytest.mark.usefixtures("granted")
def test_a_mounted_secret_is_read_from_its_file(
    google: Google, dev_account: str, tmp_path: Path, secret: str
) -> None:
    """Where the platform has put it there; the claim is the same."""
    (tmp_path / "run").write_text("mounted", "utf-8")
    environ = {
        "AL_RUN_ID": RUN,
        "AL_SECRET": secret,
        "AL_SECRET_FILE": str(tmp_path / "run"),
        **google.surroundings(google.tickets.issue(dev_account)),
    }
    platform = Gcp(environ, write=lambda _: None)
    assert platform.claim({})
    assert platform.read_secret().reveal() == "mounted"
    assert "AccessSecretVersion" not in calls(google)


def test_google_that_cannot_be_reached_says_so() -> None:
    """Nothing was sent, so nothing is in doubt."""
    environ = {
        "AL_RUN_ID": RUN,
        "AL_SECRET": "a/b",
        "AL_GCP_PROJECT": "p",
        "AL_GCP_HTTP": "http://127.0.0.1:9",
        "GCE_METADATA_HOST": "127.0.0.1:9",
    }
    with pytest.raises(Unreachable, match="no answer"):
        Gcp(environ, sleep=lambda _: None, write=lambda _: None)._rest.ask("GET", "/", "looking")


def test_a_long_report_comes_in_lines_that_a_log_service_takes(
    container: Callable[..., Gcp], log: Log
) -> None:
    """And in whatever order they are shown."""
    report = {"exit_code": 0, "return_value": 'é"\n' * 20_000}
    container().note(report=report, status="done")
    assert max(map(len, log)) <= 16 * 1024
    log.reverse()
    assert (mailbox_in(log).report, mailbox_in(log).status) == (report, "done")


def calls(google: Google) -> dict[str, int]:
    """How often each RPC was called, by its short name; identity and set-up are not looked at."""
    return {
        name.rpartition("/")[2]: count
        for name, count in google.counts.items()
        if "SecretManager" in name
    }
