"""The doctor tells everything at once, and what it fails to look at does not hide the rest."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.ledger import a_run
from tests.contracts.queue import an_item
from tests.fakes import MemoryLedger, MemoryRuntime, Play
from tests.services import ENVIRONMENT, FakeServices
from toolkit.config.problems import ConfigErrors, Problem
from toolkit.core.agent import Agent, AgentName, CredentialRef, Project, WebhookTrigger
from toolkit.core.clock import iso, now
from toolkit.core.errors import NotFound, Unreachable
from toolkit.core.run import Mailbox, Run, RunHandle, RunId, RunSpec, RunState
from toolkit.core.secrets import Secret
from toolkit.credentials.lease import open_lease
from toolkit.ops import doctor
from toolkit.ops.doctor.findings import Finding, Weight, counted, exit_code, warning
from toolkit.ops.doctor.preflight import Live
from toolkit.ops.doctor.quota_table import CONCURRENCY

REPORT = {"exit_code": 1, "state": "failed", "reason": "it fell", "finished": iso(now())}


def an_agent(name: str = "dev", *credentials: str, **more: Any) -> Agent:
    refs = tuple(CredentialRef.parse(text) for text in credentials)
    settings: dict[str, Any] = {"schedule": "* * * * *", "script": True, "credentials": refs} | more
    return Agent(name=AgentName(name), directory=Path(name), instructions="Work.", **settings)


def a_project(*agents: Agent, **more: Any) -> Project:
    return Project(name="shop", directory=Path("shop"), agents=agents, **more)


def examined(services: FakeServices, *, settle: bool = True) -> list[Finding]:
    return [*doctor.examine(services, settle=settle, note=lambda _: None).findings]


def told(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(f.weight.value, f.about) for f in findings]


class Stubborn(MemoryLedger):
    """A ledger that does not answer about one run."""

    def __init__(self, refuses: RunId) -> None:
        super().__init__()
        self._refuses = refuses

    def mailbox(self, run: RunId) -> Mailbox:
        if run == self._refuses:
            raise Unreachable("the table does not answer", hint="try again")
        return super().mailbox(run)


class Missing(MemoryLedger):
    """The ledger of an environment that nothing was pushed to."""

    def facts(self, prefix: str) -> Mapping[str, Any]:
        raise NotFound("no table", hint="run `al push`")


class Away(MemoryLedger):
    """The ledger of an environment that cannot be reached."""

    def facts(self, prefix: str) -> Mapping[str, Any]:
        raise Unreachable("no network", hint="check it")


# the project


def test_a_sound_project_has_no_findings(tmp_path: Path) -> None:
    """Nothing is said where nothing is wrong."""
    assert examined(FakeServices(tmp_path, a_project(an_agent()))) == []


def test_a_credential_that_no_agent_may_have_hides_nothing(tmp_path: Path) -> None:
    """Every such credential, and every missing one beside them, is a finding of its own."""
    agents = (
        an_agent("one", "gateway_api_key", "sentry_token"),
        an_agent("two", "github_webhook_secret", "git_ssh"),
    )
    found = examined(FakeServices(tmp_path, a_project(*agents)))
    assert told(found) == [
        ("error", "one"),
        ("error", "two"),
        ("error", "sentry_token"),
        ("error", "git_ssh"),
    ]
    assert "remove it from the credentials of one" in found[0].remedy
    assert "id_rsa" in found[3].message
    assert found[3].remedy == "run `al creds add git_ssh`"


def test_an_unknown_type_is_a_finding_as_well(tmp_path: Path) -> None:
    """With the nearest one, and the other credentials are looked at."""
    agent = an_agent("dev", "github_tokn", "sentry_token")
    found = examined(FakeServices(tmp_path, a_project(agent)))
    assert told(found) == [("error", "dev"), ("error", "sentry_token")]
    assert found[0].remedy == "did you mean 'github_token'?"


def test_what_the_environment_has_need_not_be_here(tmp_path: Path) -> None:
    """CI can push, and be examined, without holding every credential."""
    services = FakeServices(tmp_path, a_project(an_agent("dev", "sentry_token")))
    services.ledger.set_fact("credential/sentry_token/default/token", "a-fingerprint")
    assert examined(services) == []


def test_a_value_that_cannot_be_right_is_a_warning(tmp_path: Path) -> None:
    """Only its issuer knows for sure; the value is not shown."""
    services = FakeServices(tmp_path, a_project(an_agent("dev", "git_ssh")))
    for field in ("id_rsa", "username", "email"):
        services.local_store.put(f"git_ssh/default/{field}", Secret("s3cret"), tags={})
    (finding,) = examined(services)
    assert (finding.weight, finding.about) == (Weight.WARNING, "git_ssh")
    assert "s3cret" not in str(finding)


def test_what_the_platforms_refuse_is_told_of_every_agent(tmp_path: Path) -> None:
    """Fargate's limits of one, Lambda's of another."""
    agents = (an_agent("one", memory=2**50), an_agent("two", memory=2**50, timeout=3600))
    found = examined(FakeServices(tmp_path, a_project(*agents)))
    assert {about for weight, about in told(found)} == {"one", "two"}
    assert {f.weight for f in found} == {Weight.ERROR}


def test_what_aws_refuses_is_told_beside_a_forbidden_credential(tmp_path: Path) -> None:
    """One does not hide the other."""
    services = FakeServices(tmp_path, a_project(an_agent("dev", "gateway_api_key")))
    scope = replace(ENVIRONMENT.scope, prefix="my prefix")
    elsewhere = replace(services.context, environment=replace(ENVIRONMENT, scope=scope))
    object.__setattr__(services, "context", elsewhere)  # the dataclass is frozen
    assert told(examined(services)) == [("error", "dev"), ("error", "[cloud]")]


def test_an_agent_that_nothing_starts_is_a_warning(tmp_path: Path) -> None:
    """Unless it is off, or waits for events."""
    agents = (
        an_agent("idle", schedule=None),
        an_agent("off", schedule=None, scale=0),
        an_agent("waits", schedule=None, webhooks=(WebhookTrigger(source="x"),)),
    )
    assert told(examined(FakeServices(tmp_path, a_project(*agents)))) == [("warning", "idle")]


def test_warnings_of_loading_come_with_their_remedy(tmp_path: Path) -> None:
    """As the configuration worded them."""
    project = a_project(an_agent(), warnings=("config.toml: cloud: is used → move it",))
    (finding,) = examined(FakeServices(tmp_path, project))
    assert (finding.message, finding.remedy) == ("config.toml: cloud: is used", "move it")


def test_a_project_that_does_not_load_tells_every_problem() -> None:
    """Each with its file, its key and its remedy."""
    problems = [
        Problem(file="config.toml", key="scale", message="must be a number", remedy="write one"),
        Problem(file="agents/dev/SKILL.md", key="", message="is missing", remedy="write it"),
    ]
    found = [*doctor.unreadable(ConfigErrors(problems)).findings]
    assert told(found) == [("error", "config.toml"), ("error", "agents/dev/SKILL.md")]
    assert [f.message for f in found] == ["scale: must be a number", "is missing"]


# the environment


def test_an_environment_without_a_push_is_a_warning(tmp_path: Path) -> None:
    """There is nothing wrong with it yet; the project is examined all the same."""
    project = a_project(an_agent("dev", "sentry_token"))
    found = examined(FakeServices(tmp_path, project, ledger=Missing()))
    assert told(found) == [("error", "sentry_token"), ("warning", "staging")]
    assert found[1].remedy == "run `al push`"


def test_an_environment_that_does_not_answer_is_one_error(tmp_path: Path) -> None:
    """Said once, after what is known without it."""
    project = a_project(an_agent("dev", "sentry_token"))
    found = examined(FakeServices(tmp_path, project, ledger=Away()))
    assert told(found) == [("error", "sentry_token"), ("error", "staging")]


def a_dead_run(ledger: MemoryLedger, **more: Any) -> Run:
    """A run whose launcher is gone: it reported, and nobody recorded it."""
    run = a_run(state=RunState.RUNNING, **more)
    handle = RunHandle(runtime="memory", run=run.id, agent=run.agent)
    ledger.add(replace(run, handle=handle))
    ledger.note(run.id, report=REPORT, read=iso(now()))
    return run


def test_runs_that_ended_unseen_are_recorded_and_told(tmp_path: Path) -> None:
    """That is reading the truth; it is already set right when it is told."""
    ledger = MemoryLedger()
    run = a_dead_run(ledger)
    (finding,) = examined(FakeServices(tmp_path, ledger=ledger))
    assert (finding.about, finding.fixed) == (run.id, True)
    assert "failed (it fell)" in finding.message
    recorded = ledger.get(run.id)
    assert recorded
    assert recorded.state is RunState.FAILED


def test_a_launch_that_nobody_heard_of_is_told_before_it_is_settled(tmp_path: Path) -> None:
    """Whoever launched it may have died a second ago: the truth is that nobody knows yet."""
    services = FakeServices(tmp_path)
    run = a_run(
        created=iso(now()), deadline=iso(now() + timedelta(hours=1)), state=RunState.STARTING
    )
    services.ledger.add(run)
    (finding,) = [f for f in examined(services) if f.about == run.id]
    assert (finding.weight, "nothing has been heard of it" in finding.message) == (
        Weight.WARNING,
        True,
    )


def test_a_run_that_waits_in_the_queue_is_no_finding(tmp_path: Path) -> None:
    """Nobody has begun to launch it: it waits for a free place, or for the end of a pause."""
    services = FakeServices(tmp_path)
    run = a_run(created=iso(now()), state=RunState.QUEUED)
    services.ledger.queue.add(run, an_item(run), most=5)
    assert [f for f in examined(services) if f.about == run.id] == []


def test_platforms_are_asked_about_all_runs_at_once(tmp_path: Path) -> None:
    """Not once for each run."""
    runtime = Counting({"dev": Play(exit_code=None)})
    services = FakeServices(tmp_path, runtime=runtime)
    for _ in range(5):
        run = a_run(state=RunState.RUNNING, deadline="2999-01-01T00:00:00.000Z")
        spec = RunSpec(run=run.id, agent=run.agent, definition="", timeout=60, lease=Any)  # type: ignore[arg-type]  # never read
        services.ledger.add(replace(run, handle=runtime.launch(spec)))
    assert examined(services) == []
    assert runtime.asked == [5]


class Counting(MemoryRuntime):
    """Notes how many runs each question was about."""

    def __init__(self, script: Mapping[str, Play]) -> None:
        super().__init__(script)
        self.asked: list[int] = []

    def states(self, handles: Any) -> Any:
        self.asked.append(len(handles))
        return super().states(handles)


def test_a_run_that_cannot_be_settled_hides_no_other(tmp_path: Path) -> None:
    """Its error is a finding; the others are recorded, and what was left behind is found."""
    stubborn = a_run(state=RunState.RUNNING)
    ledger = Stubborn(stubborn.id)
    ledger.add(stubborn)
    dead = [a_dead_run(ledger) for _ in range(2)]
    services = FakeServices(tmp_path, ledger=ledger)
    open_lease(
        services.run_secrets, services.context.names, run=RunId("dev-00000000"), payload={}, timeout=1,
        now=long_ago,
    )  # fmt: skip
    found = examined(services)
    assert {about for _, about in told(found)} == {
        str(stubborn.id), *(str(run.id) for run in dead), "dev-00000000",
    }  # fmt: skip
    assert exit_code(found, strict=False) == 1


def long_ago() -> datetime:
    return now().replace(year=2000)


# the account


def with_account(services: FakeServices, seen: Live) -> list[Finding]:
    examination = doctor.examine(
        services, settle=False, note=lambda _: None, live=lambda services, note: seen
    )
    return [*examination.findings]


def test_what_the_account_says_is_told_with_the_rest(tmp_path: Path) -> None:
    """After the project, before what happened in the environment."""
    services = FakeServices(tmp_path, a_project(an_agent("dev", "sentry_token")), ledger=Missing())
    found = with_account(services, Live(findings=(warning("Lambda", "is odd", "ask"),)))
    assert [about for _, about in told(found)] == ["sentry_token", "Lambda", "staging"]


def test_credentials_of_another_account_are_told_once(tmp_path: Path) -> None:
    """That the environment does not answer then is no finding of its own."""
    seen = Live(findings=(warning("the AWS account", "another", "log in"),), ours=False)
    found = with_account(FakeServices(tmp_path, a_project(an_agent()), ledger=Missing()), seen)
    assert told(found) == [("warning", "the AWS account")]


def test_an_account_out_of_reach_is_asked_nothing(tmp_path: Path) -> None:
    """Every question would end in the same timeout."""
    seen = Live(findings=(warning("Lambda", "is odd", "ask"),))
    found = with_account(FakeServices(tmp_path, a_project(an_agent()), ledger=Away()), seen)
    assert told(found) == [("error", "staging")]


def test_the_account_s_own_limits_are_what_counts(tmp_path: Path) -> None:
    """Ten concurrent executions, as many new accounts have, are fewer than eleven runs at a time."""
    services = FakeServices(tmp_path, a_project(an_agent(scale=11)))
    assert with_account(services, Live()) == []
    (finding,) = with_account(services, Live(limits={CONCURRENCY.name: 10.0}))
    assert finding.message.startswith("11 against 10 runs at a time")


# changing nothing


def test_without_settling_nothing_is_changed(tmp_path: Path) -> None:
    """Ends that were not recorded are told; records and secrets stay as they are."""
    ledger = MemoryLedger()
    services = FakeServices(tmp_path, ledger=ledger)
    run = a_dead_run(ledger, deadline="2000-01-01T00:00:00.000Z")
    lease = open_lease(
        services.run_secrets, services.context.names, run=run.id, payload={}, timeout=3600
    )
    before = ledger.update(run.id, lease=lease)
    (finding,) = examined(services, settle=False)
    assert (finding.weight, finding.about, finding.fixed) == (Weight.WARNING, run.id, False)
    assert ledger.get(run.id) == before
    assert services.run_secrets.exists(lease.ref.name)


def test_without_settling_an_overdue_run_is_told(tmp_path: Path) -> None:
    """Nobody knows its end, and nobody asks for it."""
    services = FakeServices(tmp_path)
    run = a_run(state=RunState.RUNNING, deadline="2000-01-01T00:00:00.000Z")
    services.ledger.add(run)
    (finding,) = examined(services, settle=False)
    assert "past its deadline" in finding.message
    assert services.ledger.get(run.id) == run


# what it all comes to


@pytest.mark.parametrize(
    ("weights", "strict", "code"),
    [
        ([], False, 0),
        ([Weight.WARNING], False, 0),
        ([Weight.WARNING], True, 1),
        ([Weight.NOTE], True, 0),
        ([Weight.LEFTOVER], False, 3),
        ([Weight.LEFTOVER, Weight.WARNING], False, 3),
        ([Weight.LEFTOVER, Weight.ERROR], False, 1),
    ],
)
def test_the_exit_code_is_that_of_the_worst(weights: list[Weight], strict: bool, code: int) -> None:
    """0 clean or warnings, 1 any error, 3 leftovers; strict counts warnings as errors."""
    found = [Finding(weight=w, about="a", message="b", remedy="c") for w in weights]
    assert exit_code(found, strict=strict) == code
    assert exit_code([replace(f, fixed=True) for f in found], strict=strict) == 0


@pytest.mark.parametrize(
    ("weights", "code"), [([], 3), ([Weight.WARNING], 3), ([Weight.NOTE], 3), ([Weight.ERROR], 1)]
)
def test_drift_counts_as_leftovers_do(weights: list[Weight], code: int) -> None:
    """3, unless something is wrong that is worse."""
    found = [Finding(weight=w, about="a", message="b", remedy="c") for w in weights]
    assert exit_code(found, strict=False, drift=True) == code


def test_the_last_line_counts(tmp_path: Path) -> None:
    """By weight, or that nothing is wrong."""
    assert counted([]) == "nothing is wrong"
    assert counted([warning("a", "b", "c")] * 2) == "2 findings: 2 warnings"


def test_the_last_line_says_who_repairs_drift() -> None:
    """Otherwise the exit code 3 would stand there unexplained."""
    assert counted([], drift=1) == "1 identity differs: `al doctor -c -y` repairs it"
    line = "1 finding: 1 warning; 2 identities differ: `al doctor -c -y` repairs them"
    assert counted([warning("a", "b", "c")], drift=2) == line
