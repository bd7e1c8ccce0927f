"""`al push` against the embedded Google cloud: what it makes, what it leaves alone, and what it takes away."""

import json
import shutil
from collections.abc import Callable
from typing import Any

import httpx

from moto_tests.main_job.conftest import Stage
from moto_tests.main_job_gcp.conftest import Cloud
from toolkit.sandbox import daemon


def test_a_first_push_makes_everything_and_a_second_one_nothing(
    new_stage: Callable[[str], Stage],
) -> None:
    """From the state to the gateway, all of it done; then everything is compared by hash, and nothing is touched."""
    stage = new_stage("first")
    stage.agent("one", "exit 0")
    report = stage.answer("push")
    assert report["not_done"] == []
    assert {change["kind"] for change in report["done"]} >= {
        *("database", "service_account", "secret", "image", "definition", "credential value"),
    }
    assert httpx.get(f"{report['gateway_url']}/health", trust_env=False).status_code == 200
    again = stage.answer("push")
    assert (again["changes"], again["infrastructure"], again["images"]) == (0, False, {})


def test_a_changed_prompt_is_one_image_and_one_definition(
    new_stage: Callable[[str], Stage],
) -> None:
    """No engine starts, other agents are left alone, and the next run has the new prompt."""
    stage = new_stage("prompts")
    for name in ("one", "two"):
        stage.agent(name, 'cat "$(dirname "$0")/SKILL.md"')
    stage.answer("push")
    stage.agent("one", 'cat "$(dirname "$0")/SKILL.md"', skill="Work harder.")
    report = stage.answer("push")
    found = (list(report["images"]), list(report["definitions"]), report["infrastructure"])
    assert found == (["one"], ["one"], False)
    _, done = stage.run("one")
    assert "Work harder." in done.stderr


def test_an_agent_that_is_gone_leaves_nothing(new_stage: Callable[[str], Stage]) -> None:
    """Its job, its account and its images go with the push after; the other agent's stay, and run."""
    stage = new_stage("fewer")
    for name in ("goes", "stays"):
        stage.agent(name, "exit 0")
    stage.answer("push")
    shutil.rmtree(stage.project / "agents" / "goes")
    stage.answer("push")
    cloud = Cloud(stage)
    assert [name for name in cloud.held() if "goes" in name] == []
    assert [name for name in cloud.images() if "goes" in name] == []
    assert stage.run("stays")[0]["state"] == "succeeded"


def test_the_gateway_tells_what_al_logs_tells(pushed: Stage) -> None:
    """As a service of Cloud Run, with its own account: health to everybody, runs and lines to who has the key."""
    run, _ = pushed.run("quick")
    url = pushed.answer("push")["gateway_url"]
    key = (pushed.home / "credentials/gateway_api_key/shop.sandbox-gcp/key").read_text().strip()

    def asked(path: str, *, with_key: bool = True) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"} if with_key else {}
        return httpx.get(f"{url}{path}", headers=headers, timeout=30, trust_env=False)

    assert asked("/api/runs", with_key=False).status_code == 401
    assert asked(f"/api/runs/{run['run']}").json()["run"]["state"] == "succeeded"
    entries = asked(f"/api/logs/agents/quick/{run['run']}").json()["entries"]
    assert f"hello from {run['run']}" in json.dumps(entries)
    streamed = [line for line in _stream(url, key, run["run"]) if line.startswith("data: ")]
    assert f"hello from {run['run']}" in " ".join(streamed)


def _stream(url: str, key: str, run: str) -> list[str]:
    """The server-sent events of a run that is over, to their end."""
    headers = {"Authorization": f"Bearer {key}", "Accept": "text/event-stream"}
    place = f"{url}/api/logs/agents/quick/{run}"
    with httpx.stream("GET", place, headers=headers, timeout=60, trust_env=False) as answer:
        lines = list(answer.iter_lines())
    assert "event: end" in lines
    return lines


def test_a_run_asks_google_four_times(pushed: Stage) -> None:
    """Its secret with its version, RunJob, and the deletion, beside the reading of its log and its end."""
    running = daemon.status(pushed.home)
    assert running is not None
    assert running.google is not None
    calls = f"http://{running.google.http}/al-sandbox/calls"
    httpx.delete(calls, trust_env=False)
    pushed.run("quick")
    counts: dict[str, Any] = httpx.get(calls, trust_env=False).json()["counts"]
    made = {name.rpartition("/")[2]: count for name, count in counts.items()}
    assert {name: made[name] for name in ("CreateSecret", "AddSecretVersion", "RunJob")} == {
        "CreateSecret": 1,
        "AddSecretVersion": 1,
        "RunJob": 1,
    }
