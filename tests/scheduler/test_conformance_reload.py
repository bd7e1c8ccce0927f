"""`al start` while the project's files change: what is served follows them, and what is wrong changes nothing."""

from collections.abc import Iterator

import pytest

from tests.fakes import eventually
from tests.scheduler.served import Served, made
from toolkit.core.run import Cause, RunState
from toolkit.core.secrets import Secret

HOOKS = """
[webhooks.open]
type = "test"
allowUnsigned = true
"""
WEBHOOK = '[[webhooks]]\nsource = "open"\nevents = ["hello"]\n'


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One started instance for all of these; each test has an agent of its own."""
    with made(tmp_path_factory.mktemp("reload"), HOOKS) as served:
        served.agent("edited", "exit 5")
        served.agent("broken", "exit 0")
        served.agent("gone", served.waits("never"))
        served.agent("wider", served.waits("wider"))
        served.agent("timed", "exit 0")
        served.agent("hooked", "exit 0")
        served.agent("resting", "exit 0")
        served.agent("needy", "exit 6")
        served.start()
        yield served


def post(served: Served, name: str) -> dict[str, object]:
    return {a["name"]: a for a in served.get("/control/status")["agents"]}.get(name, {})


def hello(served: Served) -> int:
    """How many agents a webhook starts."""
    answer = served.post("/webhooks/test/open", event="hello")[1]
    return int(answer.get("matched", 0))


def test_an_added_agent_is_served(served: Served) -> None:
    """It can be started as soon as it is there."""
    served.agent("added", "exit 4")
    eventually(lambda: post(served, "added"))
    assert served.ended(served.trigger("added")).exit_code == 4


def test_the_next_run_is_of_the_changed_files(served: Served) -> None:
    """A run after the change does what the files say then."""
    assert served.ended(served.trigger("edited")).exit_code == 5
    before = served.ledger.fact("definition/edited")
    served.agent("edited", "exit 6")
    eventually(lambda: served.ledger.fact("definition/edited") != before)
    assert served.ended(served.trigger("edited")).exit_code == 6


def test_what_cannot_be_read_changes_nothing_and_recovers(served: Served) -> None:
    """Old agents go on, the error is told, and a correction is taken at once."""
    served.config("broken", "scale = many")
    eventually(lambda: served.scheduler.reloader.trouble)
    assert "agents/broken/config.toml" in served.scheduler.reloader.trouble
    assert served.ended(served.trigger("broken")).state is RunState.SUCCEEDED
    served.config("broken", "scale = 3")
    eventually(lambda: post(served, "broken")["scale"] == 3)
    assert served.scheduler.reloader.trouble == ""


def test_a_removed_agents_runs_end_and_its_work_is_given_up(served: Served) -> None:
    """Nothing of it goes on, its name is unknown, and the others are as they were."""
    run = served.trigger("gone")
    served.at_work(run)
    waiting = served.trigger("gone")
    served.remove("gone")
    eventually(lambda: not post(served, "gone"))
    assert served.ended(run).state is RunState.STOPPED
    assert served.ended(waiting).cause is Cause.DROPPED
    assert served.post("/control/trigger/gone")[0] == 404
    assert post(served, "edited")["state"] != "running"


def test_a_larger_scale_lets_what_waits_begin(served: Served) -> None:
    """No restart is needed."""
    first, second = served.trigger("wider"), served.trigger("wider")
    served.at_work(first)
    served.config("wider", "scale = 2")
    served.at_work(second)
    served.mark("wider")
    assert served.ended(second).state is RunState.SUCCEEDED


def test_a_schedule_comes_and_goes(served: Served) -> None:
    """An agent that is given one fires; without it nothing is announced."""
    served.config("timed", 'schedule = "* * * * * *"')
    served.over("timed", 1)
    served.config("timed", "")
    eventually(lambda: post(served, "timed")["schedule"] is None)


def test_a_webhook_comes_and_goes(served: Served) -> None:
    """Deliveries are for who wants them now.  Its work waits meanwhile, so that none of it takes time."""
    served.post("/control/agents/hooked/disable")
    assert hello(served) == 0
    served.config("hooked", WEBHOOK)
    eventually(lambda: hello(served) == 1)
    served.config("hooked", "")
    eventually(lambda: hello(served) == 0)


def test_a_disabled_agent_stays_so_when_its_files_change(served: Served) -> None:
    """What people turned is theirs, whatever the files say."""
    served.post("/control/agents/resting/disable")
    served.config("resting", "scale = 4")
    eventually(lambda: post(served, "resting")["scale"] == 4)
    assert post(served, "resting")["enabled"] is False


def test_an_agent_that_lacks_a_credential_stays_as_it_was(served: Served) -> None:
    """The change that asks for what nobody has is not used, and the agent still runs."""
    served.config("needy", 'credentials = ["github_token"]')
    told = eventually(lambda: served.scheduler.crew.troubles.get("needy"))
    assert "github_token" in told
    assert served.ended(served.trigger("needy")).exit_code == 6


def test_work_of_a_new_agent_waits_until_its_credential_is_there(served: Served) -> None:
    """It is in trouble, not refused; when the credential comes it runs, without a restart."""
    served.agent("newcomer", "exit 0", 'credentials = ["slack_bot_token"]')
    eventually(lambda: served.scheduler.crew.troubles.get("newcomer"))
    run = served.trigger("newcomer")
    assert served.run(run).state is RunState.QUEUED
    store = served.services.local_store
    store.put("slack_bot_token/default/token", Secret("x" * 20), tags={})
    assert served.ended(run).state is RunState.SUCCEEDED
    assert "newcomer" not in served.scheduler.crew.troubles
