"""GET /api/runs: the environment's runs, without their secrets."""

from starlette.testclient import TestClient

from toolkit.core.clock import now
from toolkit.core.run import RunState
from toolkit.core.secrets import Receipt, SecretLease, SecretRef

from .place import Place


def test_runs_are_listed_newest_first(client: TestClient, place: Place) -> None:
    """All of them, of one agent, or the active ones, as many as asked for."""
    place.run("dev-00000001", ago=30)
    place.run("ops-00000002", ago=20, state=RunState.FAILED)
    place.run("dev-00000003", ago=10)

    def ids(query: str = "") -> list[str]:
        return [run["run"] for run in client.get(f"/api/runs{query}").json()["runs"]]

    assert ids() == ["dev-00000003", "ops-00000002", "dev-00000001"]
    assert ids("?agent=ops") == ["ops-00000002"]
    assert ids("?active=true&limit=1") == ["dev-00000003"]
    assert ids("?agent=nobody") == []


def test_a_run_is_told_with_its_receipt_and_without_its_secrets_name(
    client: TestClient, place: Place
) -> None:
    """The name is what keeps one run's secret from another."""
    lease = SecretLease(
        ref=SecretRef(store="local_files", name="runs/dev/dev-1-hush_"),
        agent="dev",
        run="dev-00000001",
        created=now(),
        expires=now(),
    )
    place.run(lease=lease, receipt=Receipt(created="2026-11-20T12:00:00.000Z"))
    answer = client.get("/api/runs/dev-00000001")
    run = answer.json()["run"]
    assert (run["agent"], run["state"], run["runtime"]) == ("dev", "running", "local")
    assert run["secret"] == {
        "created": "2026-11-20T12:00:00.000Z",
        "read": None,
        "deleted": None,
        "verified_absent": None,
    }
    assert "hush" not in answer.text


def test_bad_queries_are_refused_in_words(client: TestClient) -> None:
    """Each with what to write instead."""
    for query in ("limit=0", "limit=x", "active=maybe", "agent=A%20B"):
        assert client.get(f"/api/runs?{query}").status_code == 400
    assert client.get("/api/runs/not-a-run").status_code == 400
