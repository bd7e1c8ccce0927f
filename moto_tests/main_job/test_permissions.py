"""A whole life in the sandbox, and the permissions that it took: none too few, and none that nobody can explain.

The sandbox holds every role to its policies and records every call; the operator's calls are judged here, by the
policy that `al doctor --operator-policy` prints.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.desired.policy import text
from infra.reconcile.policy import allowed
from toolkit.sandbox import daemon
from toolkit.sandbox.recording import OPERATOR, Asked

from . import explained
from .conftest import Stage, gateway_of, wait_until

TOKEN = "ghp_0123456789abcdef"


@dataclass
class Life:
    """What was recorded, by phase, and the policies that were in force."""

    stage: Stage
    phases: dict[str, list[Asked]] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    operator: dict[str, str] = field(default_factory=dict)

    def phase(
        self, name: str, *commands: tuple[str, ...], by: Callable[[Stage], object] | None = None
    ) -> None:
        """Run these commands, each of which must succeed, or do `by`, and keep what was asked for."""
        self._calls("DELETE")
        if by:
            by(self.stage)
        for words in commands:
            done = self.stage.al(*words, "-E", "sandbox")
            assert done.returncode == 0, done.stderr
        self.phases[name] = [Asked.from_dict(call) for call in self._calls("GET")]

    def _calls(self, method: str) -> Any:
        running = daemon.status(self.stage.home)
        if running is None:
            return []
        url = f"{running.endpoint}/al-sandbox/calls"
        return httpx.request(method, url, trust_env=False).raise_for_status().json()

    def read_roles(self) -> None:
        iam = self.stage.client("iam")
        for role in iam.list_roles()["Roles"]:
            found = iam.get_role_policy(RoleName=role["RoleName"], PolicyName="grants")
            self.roles[role["RoleName"]] = json.dumps(found["PolicyDocument"])

    def read_policies(self) -> None:
        done = self.stage.al("doctor", "--operator-policy", "-E", "sandbox")
        assert done.returncode == 0, done.stderr
        self.operator = {name: text(found) for name, found in json.loads(done.stdout).items()}

    def of(self, *phases: str, role: str | None = None) -> list[Asked]:
        """The calls of these phases, or of all; the operator's, or a role's."""
        seen = (call for name in phases or self.phases for call in self.phases[name])
        return [call for call in seen if call.principal == (role or OPERATOR)]


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """A project with a credential and an agent on each runtime: pushed, run, watched, examined, shrunk, taken down."""
    home = tmp_path_factory.mktemp("home")
    project = tmp_path_factory.mktemp("projects") / "shop"
    (project / "agents").mkdir(parents=True)
    (project / "config.toml").write_text('name = "shop"\n')
    life = Life(Stage(home=home, project=project))
    try:
        live(life)
        yield life
    finally:
        daemon.stop(home)


def live(life: Life) -> None:
    declared = 'credentials = ["github_token"]\n'
    life.stage.agent("quick", "echo quick", config=declared)
    life.stage.agent("long", "echo long", timeout=3600, config=declared)
    _learn(life.stage, TOKEN)
    life.phase("push", ("push",))
    life.read_roles()
    life.phase("run", ("run", "quick"), ("run", "long"), ("logs", "quick"), ("logs", "long"))
    life.phase("gateway", by=schedule)
    life.phase("doctor", ("doctor",), ("doctor", "-c", "-y"))
    life.stage.agent("quick", "echo quicker", timeout=200, config=declared)
    _learn(life.stage, f"{TOKEN}-new")
    life.phase("change", ("push",), ("run", "quick"))
    _remove(life.stage.project / "agents" / "quick")
    life.phase("shrink", ("push",))
    life.read_policies()
    life.phase("teardown", ("teardown", "-y"))


def schedule(stage: Stage) -> None:
    """The gateway starts a run on each runtime, sees it to its end, and looks around."""
    url, key = gateway_of(stage.home)
    bearer = {"Authorization": f"Bearer {key}"}
    asked = [
        httpx.post(f"{url}/control/trigger/{agent}", json={}, headers=bearer, trust_env=False)
        for agent in ("quick", "long")
    ]
    names = [answer.raise_for_status().json()["instanceId"] for answer in asked]

    def over(run: str) -> bool:
        answer = httpx.get(f"{url}/api/runs/{run}", headers=bearer, trust_env=False)
        return bool(answer.json()["run"]["secret"]["verified_absent"])

    wait_until(lambda: stage.tick() and all(map(over, names)))


def _learn(stage: Stage, token: str) -> None:
    done = stage.al("creds", "add", "github_token", given=token)
    assert done.returncode == 0, done.stderr


def _remove(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


def actions(documents: Iterable[str]) -> set[str]:
    """Everything that these documents allow; our policies have no wildcards in actions."""
    found: set[str] = set()
    for document in documents:
        for statement in json.loads(document)["Statement"]:
            named = statement["Action"]
            found |= {named} if isinstance(named, str) else set(named)
    return found


def refused(calls: Iterable[Asked], document: str) -> set[str]:
    return {f"{c.action} on {c.resource}" for c in calls if not allowed([document], c.need)}


def beyond(found: set[str], known: Mapping[str, str]) -> set[str]:
    return {line for line in found if line.partition(" ")[0] not in known}


def test_no_role_was_refused_anything(life: Life) -> None:
    """The roles' policies are wide enough for a whole life."""
    calls = [call for phase in life.phases.values() for call in phase]
    assert {c.principal for c in calls} >= {OPERATOR, *life.roles}
    assert [c for c in calls if not c.allowed] == []


def test_every_action_of_a_role_is_used_or_explained(life: Life) -> None:
    """The roles' policies are no wider than that."""
    for role, document in life.roles.items():
        used = {call.action for call in life.of(role=role)}
        assert actions([document]) - used - explained.ROLES.keys() == set(), role


def test_every_call_of_the_operator_is_allowed_by_its_policy(life: Life) -> None:
    """Push, run, logs, doctor, a second push and teardown need nothing beyond `deploy`."""
    assert beyond(refused(life.of(), life.operator["deploy"]), explained.WELCOME) == set()


def test_every_action_of_the_operator_is_used_or_explained(life: Life) -> None:
    """And `deploy` is no wider than that; an explanation that nobody needs is taken out again."""
    used = {call.action for call in life.of()}
    assert actions([life.operator["deploy"]]) - used - explained.OPERATOR.keys() == set()
    assert explained.OPERATOR.keys() - actions([life.operator["deploy"]]) == set()


def test_running_needs_no_more_than_the_policy_for_it(life: Life) -> None:
    """`run` is enough for al run and al logs."""
    assert refused(life.of("run"), life.operator["run"]) == set()


def test_deploying_without_iam_is_enough_once_the_roles_are_there(life: Life) -> None:
    """A new version of an agent, its runs and their logs write nothing to IAM."""
    calls = life.of("run", "change")
    assert refused(calls, life.operator["deploy-without-iam"]) == set()


def test_the_parts_of_a_policy_are_the_policy(life: Life) -> None:
    """`deploy-1` and `deploy-2` allow together what `deploy` does."""
    parts = [
        d for name, d in life.operator.items() if name.startswith("deploy-") and name[7:].isdigit()
    ]
    assert len(parts) > 1
    assert [c for c in life.of() if not allowed(parts, c.need)] == [
        c for c in life.of() if not allowed([life.operator["deploy"]], c.need)
    ]


def test_what_is_recorded_holds_no_value(life: Life) -> None:
    """Names and keys of requests, never what they carried."""
    seen = json.dumps([call.to_dict() for phase in life.phases.values() for call in phase])
    assert TOKEN not in seen
