"""A pushed project that starts its agents by itself on Google Cloud: webhooks, schedules and calls, by a gateway that runs
while it answers, and with no process of the user's running."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from moto_tests.main_job.conftest import wait_until
from moto_tests.main_job.test_deployed_gateway import ASKS, HOOK, SECRET, Shop
from toolkit.sandbox import daemon

from .conftest import WHERE, Cloud, GoogleStage

ALWAYS = '[cloud]\nprovider = "cloud-run"\nminInstances = 1\nsecrets = "mount"\n'


class GoogleShop(Shop):
    """The same questions to a gateway on Google Cloud."""

    def log(self, agent: str) -> str:
        return self.stage.al("logs", agent, "-E", WHERE).stdout

    @property
    def cloud(self) -> Cloud:
        return Cloud(self.stage)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoogleShop]:
    """An agent that a webhook starts, one with a schedule, and one that calls another."""
    home, project = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("projects") / "shop"
    (project / "agents").mkdir(parents=True)
    (project / "config.toml").write_text('name = "shop"\n[webhooks.hub]\ntype = "github"\n')
    stage = GoogleStage(home=home, project=project, where=WHERE)
    stage.agent("quick", 'echo "hooked: $PROMPT"', config=HOOK)
    stage.agent("timed", 'echo "on time"', config='schedule = "*/2 * * * * *"\nmissed = "once"\n')
    stage.agent("asks", ASKS)
    stage.agent("sums", 'echo "asked for $PROMPT"; al-return four')
    with opened(stage) as made:
        yield made


@contextmanager
def opened(stage: GoogleStage, settings: str = "") -> Iterator[GoogleShop]:
    """The project, pushed, until its sandbox ends; `settings` are the environment's file."""
    try:
        if settings:
            file = stage.home / "environments" / f"{WHERE}.toml"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(settings)
        assert stage.al("creds", "add", "github_webhook_secret", given=SECRET).returncode == 0
        url = stage.answer("push")["gateway_url"]
        key = (stage.home / "credentials/gateway_api_key/shop.sandbox-gcp/key").read_text().strip()
        yield GoogleShop(stage=stage, url=url, key=key)
    finally:
        daemon.stop(stage.home)


def refusals(home: Path) -> list[tuple[str, str]]:
    """Who was refused which permission."""
    running = daemon.status(home)
    assert running is not None
    assert running.google is not None
    calls = f"http://{running.google.http}/al-sandbox/calls"
    needs = httpx.get(calls, trust_env=False).json()["needs"]
    return [(need["principal"], need["action"]) for need in needs if not need["allowed"]]


def test_a_signed_webhook_starts_its_agent_and_it_ends(shop: GoogleShop) -> None:
    """Accepted, and launched by a request that the gateway makes of itself; then a timer records the end, and no secret is
    left."""
    answer = shop.send("first")
    assert answer.status_code == 200, answer.text
    wait_until(lambda: any(run["state"] != "queued" for run in shop.runs("quick")))
    wait_until(lambda: not shop.cloud.running())
    wait_until(lambda: shop.stage.tick() and shop.ended("quick"))
    assert [run["trigger"] for run in shop.runs("quick")] == ["webhook"]
    assert "broken" in shop.log("quick")
    assert shop.cloud.run_secrets() == []


def test_a_delivery_that_is_sent_again_starts_nothing(shop: GoogleShop) -> None:
    """The queue and the number of a delivery are in the ledger, whoever of the gateway's processes answers."""
    first, again = shop.send("twice"), shop.send("twice")
    assert first.json()["receipt"] == again.json()["receipt"]
    receipt = first.json()["receipt"]
    wait_until(lambda: shop.runs_of(receipt))
    shop.stage.tick()
    assert len(shop.runs_of(receipt)) == 1


def test_a_timer_starts_what_is_due(shop: GoogleShop) -> None:
    """The first look at a schedule begins it; what was due since then starts at a later one."""
    wait_until(lambda: shop.stage.tick() and shop.runs("timed"))
    wait_until(lambda: shop.stage.tick() and "on time" in shop.log("timed"))
    assert {run["trigger"] for run in shop.runs("timed")} == {"schedule"}


def test_an_agent_calls_another_and_has_its_answer(shop: GoogleShop) -> None:
    """The run that asks goes on while the gateway starts the other one, and hears what it returned."""
    shop.ask("POST", "/control/trigger/asks", json={})
    wait_until(lambda: shop.stage.tick() and "four" in shop.log("asks"))
    assert "two and two" in shop.log("sums")


def test_a_stranger_cannot_tick(shop: GoogleShop) -> None:
    """Everybody reaches the address; only Google's timer, the gateway itself and the key are let in."""
    ticked = f"{shop.url}/tick"
    refused = httpx.post(ticked, headers={"Authorization": "Bearer no"}, trust_env=False)
    assert (refused.status_code, httpx.post(ticked, trust_env=False).status_code) == (401, 401)
    bearer = {"Authorization": f"Bearer {shop.key}"}
    assert httpx.post(ticked, headers=bearer, trust_env=False, timeout=60).status_code == 204


def test_the_gateway_needed_nothing_that_it_may_not(shop: GoogleShop) -> None:
    """All of the above, by the rights of its account: the embedded cloud refused it nothing."""
    assert refusals(shop.stage.home) == []


@pytest.fixture(scope="module")
def always(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoogleShop]:
    """A gateway that is always there, of an environment whose runs' secrets are mounted."""
    home, project = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("projects") / "shop"
    (project / "agents").mkdir(parents=True)
    (project / "config.toml").write_text('name = "shop"\n[webhooks.hub]\ntype = "github"\n')
    stage = GoogleStage(home=home, project=project, where=WHERE)
    stage.agent("quick", 'echo "hooked: $PROMPT"', config=HOOK)
    with opened(stage, ALWAYS) as shop:
        yield shop


def test_a_gateway_that_is_always_there_needs_no_timer(always: GoogleShop) -> None:
    """Its loop launches what a webhook has queued, makes the run's own job as the agent's account, and records its end;
    nothing ticks, and nothing is refused."""
    wait_until(
        lambda: always.send("first").status_code == 200
    )  # it reads what was pushed every 5 s
    always.ended("quick")
    wait_until(lambda: not always.cloud.run_secrets())
    assert "broken" in always.log("quick")
    assert refusals(always.stage.home) == []
    done = always.stage.al("doctor", "-c", "--check-only", "-E", WHERE)
    assert "may become it" not in done.stdout + done.stderr
