"""`al push` against the embedded Google cloud: what it makes, what it leaves alone, and what it takes away."""

import json
import shutil
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from moto_tests.main_job.conftest import Stage
from moto_tests.main_job_gcp.conftest import Cloud
from toolkit.sandbox import daemon


class First:
    """A project with three agents, and what its first push reported."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        for name in ("one", "goes", "stays"):
            stage.agent(name, 'cat "$(dirname "$0")/SKILL.md"')
        self.report = stage.answer("push")


@pytest.fixture(scope="module")
def first(new_stage: Callable[[str], Stage]) -> First:
    return First(new_stage("first"))


def test_a_first_push_makes_everything_and_a_second_one_nothing(first: First) -> None:
    """From the state to the gateway, all of it done; then everything is compared by hash, and nothing is touched."""
    assert first.report["not_done"] == []
    assert {change["kind"] for change in first.report["done"]} >= {
        *("database", "service_account", "secret", "image", "definition", "credential value"),
    }
    url = first.report["gateway_url"]
    assert httpx.get(f"{url}/health", trust_env=False, timeout=30).status_code == 200
    again = first.stage.answer("push")
    assert (again["changes"], again["infrastructure"], again["images"]) == (0, False, {})


def test_a_changed_prompt_is_one_image_and_one_definition(first: First) -> None:
    """No engine starts, other agents are left alone, and the next run has the new prompt."""
    first.stage.agent("one", 'cat "$(dirname "$0")/SKILL.md"', skill="Work harder.")
    report = first.stage.answer("push")
    found = (list(report["images"]), list(report["definitions"]), report["infrastructure"])
    assert found == (["one"], ["one"], False)
    _, done = first.stage.run("one")
    assert "Work harder." in done.stderr


def test_an_agent_that_is_gone_leaves_nothing(first: First) -> None:
    """Its job, its account and its images go with the push after; another agent's stay, and run."""
    shutil.rmtree(first.stage.project / "agents" / "goes")
    first.stage.answer("push")
    cloud = Cloud(first.stage)
    assert [name for name in cloud.held() if "goes" in name] == []
    assert [name for name in cloud.images() if "goes" in name] == []
    assert first.stage.run("stays")[0]["state"] == "succeeded"


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
    four = ("CreateSecret", "AddSecretVersion", "RunJob", "DeleteSecret")
    assert {name: made[name] for name in four} == dict.fromkeys(four, 1)
