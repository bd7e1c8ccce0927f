"""What was left behind is deleted when it was shown, and nothing else is."""

from pathlib import Path

from tests.contracts.ledger import a_run
from tests.fakes import MemoryStore
from tests.services import FakeServices
from toolkit.core.clock import now
from toolkit.core.errors import AccessDenied
from toolkit.core.run import Run, RunId, RunState
from toolkit.core.secrets import Receipt, SecretLease
from toolkit.credentials.lease import open_lease
from toolkit.ops.doctor import leftovers
from toolkit.ops.doctor.findings import Finding, exit_code


def left_behind(services: FakeServices, run: RunId) -> SecretLease:
    """The secret of a run that was never recorded."""
    return open_lease(
        services.run_secrets,
        services.context.names,
        run=run,
        payload={},
        timeout=1,
        now=lambda: now().replace(year=2000),
    )


def found(services: FakeServices) -> list[Finding]:
    return list(leftovers.found(services))


def swept(services: FakeServices, findings: list[Finding]) -> list[Finding]:
    return list(leftovers.swept(services, leftovers.due(findings)))


def an_ended_run(services: FakeServices) -> Run:
    """A run that is over, with its secret still there and nothing of that in its receipt."""
    run = a_run(state=RunState.SUCCEEDED)
    lease = left_behind(services, run.id)
    services.ledger.add(run)
    return services.ledger.update(run.id, lease=lease)


def test_looking_deletes_nothing(tmp_path: Path) -> None:
    """Each is told, with the way to be rid of it."""
    services = FakeServices(tmp_path)
    lease = left_behind(services, RunId("dev-00000001"))
    (finding,) = found(services)
    assert (finding.about, finding.remedy) == ("dev-00000001", "`al doctor --fix` deletes it")
    assert exit_code([finding], strict=False) == 3
    assert services.run_secrets.exists(lease.ref.name)


def test_only_what_was_shown_is_deleted(tmp_path: Path) -> None:
    """What appears while the user thinks was not agreed to."""
    services = FakeServices(tmp_path)
    shown = left_behind(services, RunId("dev-00000001"))
    findings = found(services)
    later = left_behind(services, RunId("dev-00000002"))
    (done,) = swept(services, findings)
    assert (done.about, done.fixed, done.remedy) == ("dev-00000001", True, "deleted")
    assert not services.run_secrets.exists(shown.ref.name)
    assert services.run_secrets.exists(later.ref.name)


def test_what_somebody_else_deleted_meanwhile_is_done(tmp_path: Path) -> None:
    """The wish is fulfilled."""
    services = FakeServices(tmp_path)
    lease = left_behind(services, RunId("dev-00000001"))
    findings = found(services)
    services.run_secrets.delete(lease.ref.name)
    assert [f.fixed for f in swept(services, findings)] == [True]


def test_the_run_s_receipt_is_completed(tmp_path: Path) -> None:
    """The record says that the secret is gone, so that nobody looks for it again."""
    services = FakeServices(tmp_path)
    run = an_ended_run(services)
    assert [f.fixed for f in swept(services, found(services))] == [True]
    recorded = services.ledger.get(run.id)
    assert recorded
    assert recorded.receipt.verified_absent
    assert found(services) == []


def test_a_receipt_without_a_secret_is_completed_too(tmp_path: Path) -> None:
    """The secret went with its container; only the proof is missing."""
    services = FakeServices(tmp_path)
    run = an_ended_run(services)
    assert run.lease
    services.run_secrets.delete(run.lease.ref.name)
    (finding,) = found(services)
    assert "receipt" in finding.message
    swept(services, [finding])
    assert found(services) == []


def test_a_second_secret_of_a_run_is_deleted_alone(tmp_path: Path) -> None:
    """The record is about another one, and stays as it is."""
    services = FakeServices(tmp_path)
    run = an_ended_run(services)
    second = left_behind(services, run.id)
    receipt = Receipt(created="a", read="b", deleted="c", verified_absent="d")
    before = services.ledger.update(run.id, receipt=receipt)
    assert all(f.fixed for f in swept(services, found(services)))
    assert not services.run_secrets.exists(second.ref.name)
    assert services.ledger.get(run.id) == before


class Guarded(MemoryStore):
    """A store that lets one secret be seen and not deleted."""

    guarded = ""

    def delete(self, name: str) -> None:
        if name == self.guarded:
            raise AccessDenied("not allowed to delete it", hint="ask for the right")
        super().delete(name)


def test_one_that_resists_does_not_keep_the_others(tmp_path: Path) -> None:
    """It is told with the reason, and is still there at the end."""
    store = Guarded()
    services = FakeServices(tmp_path, store=store)
    store.guarded = left_behind(services, RunId("dev-00000001")).ref.name
    left_behind(services, RunId("dev-00000002"))
    done = swept(services, found(services))
    assert [(f.about, f.fixed) for f in done] == [("dev-00000001", False), ("dev-00000002", True)]
    assert done[0].remedy == "not allowed to delete it: ask for the right"
    assert exit_code(done, strict=False) == 3
