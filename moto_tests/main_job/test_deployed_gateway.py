"""A pushed project that starts its agents by itself: webhooks, schedules and calls, on Lambda and on Fargate, with no
process of the user's running."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from toolkit.sandbox import daemon

from .conftest import Stage, gateway_of, wait_until

SECRET = "the sender's secret"
HOOK = '[[webhooks]]\nsource = "hub"\nevents = ["issues"]\n'
BODY = {"action": "opened", "repository": {"full_name": "acme/shop"}, "issue": {"number": 7, "title": "broken"},
        "sender": {"login": "ann"}}  # fmt: skip

ASKS = r"""call=$(echo "two and two" | al-call sums | sed -e 's/.*callId[": ]*//' -e 's/".*//')
al-wait --timeout 60 "$call"
"""


@dataclass(frozen=True)
class Shop:
    """The project, and its gateway as its senders and its owner see it."""

    stage: Stage
    url: str
    key: str

    def send(self, number: str, **headers: str) -> httpx.Response:
        """A delivery, signed as GitHub signs."""
        body = json.dumps(BODY).encode()
        mark = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        known = {"content-type": "application/json", "x-github-event": "issues", "x-github-delivery": number,
                 "x-hub-signature-256": f"sha256={mark}"}  # fmt: skip
        where = f"{self.url}/webhooks/github"
        return httpx.post(where, content=body, headers=known | headers, trust_env=False, timeout=30)

    def ask(self, method: str, path: str, **more: Any) -> Any:
        bearer = {"Authorization": f"Bearer {self.key}"}
        where = f"{self.url}{path}"
        answer = httpx.request(method, where, headers=bearer, trust_env=False, timeout=30, **more)
        return answer.raise_for_status().json()

    def runs(self, agent: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("GET", f"/api/runs?agent={agent}")["runs"]
        return found

    def runs_of(self, receipt: str) -> list[dict[str, Any]]:
        """What this delivery started of the agent `quick`."""
        rows = self.ask("GET", "/api/stats/agents/quick/runs?limit=100")["runs"]
        return [row for row in rows if row["webhook_receipt_id"] == receipt]

    def ended(self, agent: str, count: int = 1) -> list[dict[str, Any]]:
        """Its runs, once so many have ended."""

        def look() -> list[dict[str, Any]]:
            runs = self.runs(agent)
            over = [run for run in runs if run["state"] == "succeeded"]
            return runs if len(over) >= count else []

        return list(wait_until(look))

    def log(self, agent: str) -> str:
        return self.stage.al("logs", agent, "-E", "sandbox").stdout


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """An agent on each runtime that a webhook starts, one with a schedule, and one that calls another."""
    home, project = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("projects") / "shop"
    (project / "agents").mkdir(parents=True)
    (project / "config.toml").write_text('name = "shop"\n[webhooks.hub]\ntype = "github"\n')
    stage = Stage(home=home, project=project)
    stage.agent("quick", 'echo "hooked: $PROMPT"', config=HOOK)
    stage.agent("long", 'echo "long hooked"', timeout=3600, config=HOOK)
    stage.agent("timed", 'echo "on time"', config='schedule = "*/2 * * * * *"\nmissed = "once"\n')
    stage.agent("asks", ASKS)
    stage.agent("sums", 'echo "asked for $PROMPT"; al-return four')
    try:
        assert stage.al("creds", "add", "github_webhook_secret", given=SECRET).returncode == 0
        done = stage.al("push", "-E", "sandbox", "--json")
        assert done.returncode == 0, done.stderr
        url, key = gateway_of(home)
        yield Shop(stage=stage, url=url, key=key)
    finally:
        daemon.stop(home)


def test_push_says_where_senders_are_to_send(shop: Shop) -> None:
    """The address is known after the push only."""
    said = shop.stage.al("push", "-E", "sandbox").stdout
    assert f"webhooks of hub: {shop.url}/webhooks/github/hub" in said


def test_a_signed_webhook_starts_its_agents_and_they_end(shop: Shop) -> None:
    """Accepted, queued, launched without waiting for a timer, run, reported, and its log is there."""
    answer = shop.send("first")
    assert answer.status_code == 200, answer.text
    for agent in ("quick", "long"):
        assert [run["trigger"] for run in shop.ended(agent)] == ["webhook"]
    assert "broken" in shop.log("quick")
    assert "long hooked" in shop.log("long")
    assert shop.stage.run_secrets() == []


def test_a_delivery_that_is_sent_again_starts_nothing(shop: Shop) -> None:
    """The queue and the number of a delivery are in the ledger, whoever of the gateway's processes answers."""
    first, again = shop.send("twice"), shop.send("twice")
    assert first.json()["receipt"] == again.json()["receipt"]
    receipt = first.json()["receipt"]
    wait_until(lambda: shop.runs_of(receipt))
    shop.stage.tick()
    assert len(shop.runs_of(receipt)) == 1


def test_a_timer_starts_what_is_due_and_a_tick_is_done_once(shop: Shop) -> None:
    """The first look at a schedule begins it; what was due since then starts at a later one."""
    wait_until(lambda: shop.stage.tick() and shop.runs("timed"))
    runs = shop.ended("timed")
    assert {run["trigger"] for run in runs} == {"schedule"}
    assert "on time" in shop.log("timed")


def test_an_agent_calls_another_and_has_its_answer(shop: Shop) -> None:
    """The run that asks goes on while the gateway starts the other one, and hears what it returned."""
    shop.ask("POST", "/control/trigger/asks", json={})
    shop.ended("asks")
    assert "four" in shop.log("asks")
    assert "two and two" in shop.log("sums")


def test_the_end_of_a_task_is_recorded_when_it_is_told(shop: Shop) -> None:
    """Nobody looks, no timer fires: ECS says that a task has stopped, and the next one takes its room."""
    names = [shop.ask("POST", "/control/trigger/long", json={})["instanceId"] for _ in range(2)]
    wait_until(lambda: all(_state(shop, name) == "succeeded" for name in names))
    wait_until(lambda: all(_receipt(shop, name) for name in names))


def _state(shop: Shop, run: str) -> str:
    return str(shop.ask("GET", f"/api/runs/{run}")["run"]["state"])


def _receipt(shop: Shop, run: str) -> bool:
    return bool(shop.ask("GET", f"/api/runs/{run}")["run"]["secret"]["verified_absent"])
