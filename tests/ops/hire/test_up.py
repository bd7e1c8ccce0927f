"""Which hired agents work: begun and ended by name, on a real ledger, with nothing else touched."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.fakes import eventually
from tests.ops.hire.project import LOCAL, MOMENT, Shop
from toolkit.core.clock import now
from toolkit.core.errors import ConfigError, CredentialError, UsageError
from toolkit.core.run import RunState
from toolkit.core.work import Rooms
from toolkit.inside.process_table import below
from toolkit.ops import ps, ready, role
from toolkit.ops.background import ensure, without_models
from toolkit.ops.hire.standing import at_work_for, is_up
from toolkit.ops.load import load_services
from toolkit.ops.up import Down, Up, down, up
from toolkit.scheduler import switches
from toolkit.wiring import Services


@pytest.fixture
def fleet(shop: Shop) -> Shop:
    """Two agents with scripts, one with a hosted model and no key, and one that was not hired."""
    shop.hire("one", base_url=LOCAL)
    shop.hire("two", base_url=LOCAL)
    for name in ("one", "two", "plain"):
        shop.write(f"agents/{name}/test-script.sh", "#!/bin/sh\necho work\n")
    shop.write("agents/plain/SKILL.md", "Work.")
    return shop


def services(shop: Shop) -> Services:
    return load_services(shop.directory, "local", note=lambda _: None)


def begun(shop: Shop, *names: str, every: bool = False) -> Up:
    return up(services(shop), names, every=every, background=False, note=lambda _: None)


def ended(shop: Shop, *names: str) -> Down:
    return down(services(shop), names)


def waiting(shop: Shop) -> list[str]:
    return [str(item.agent) for item in services(shop).ledger.queue.waiting()]


def states(shop: Shop) -> dict[str, str]:
    return {row.name: row.state for row in ps.rows(services(shop), now())}


def test_only_the_named_agent_is_begun(fleet: Shop) -> None:
    """The other one is told of as left, and the first run waits for a scheduler."""
    done = begun(fleet, "one")
    assert (done.begun, done.up, done.left) == (("one",), ("one",), ("two",))
    assert waiting(fleet) == ["one"]


def test_every_hired_agent_can_be_begun(fleet: Shop) -> None:
    """And none that was not hired."""
    assert begun(fleet, every=True).up == ("one", "two")


def test_beginning_again_begins_nothing_twice(fleet: Shop) -> None:
    """One first run, however often it is asked for."""
    begun(fleet, "one")
    assert (begun(fleet, "one").begun, waiting(fleet)) == ((), ["one"])


def test_without_a_name_those_that_were_up_go_on(fleet: Shop) -> None:
    """Nobody is added and nobody is removed; the rest is listed."""
    begun(fleet, "one")
    done = begun(fleet)
    assert (done.begun, done.up, done.left) == ((), ("one",), ("two",))


def test_one_can_be_ended_alone(fleet: Shop) -> None:
    """What waited of its loop is gone, and the other one works on."""
    begun(fleet, every=True)
    assert ended(fleet, "one").ended == ("one",)
    assert (waiting(fleet), states(fleet)) == (["two"], {"one": "down", "two": "queued"})


def test_all_can_be_ended_and_stay_defined(fleet: Shop) -> None:
    """Sections, directories and history are as they were."""
    before = fleet.read("config.toml")
    begun(fleet, every=True)
    assert ended(fleet).ended == ("one", "two")
    assert (waiting(fleet), fleet.read("config.toml")) == ([], before)
    runs = services(fleet).ledger.runs()
    assert {run.state for run in runs} == {RunState.STOPPED}


def test_ending_what_is_not_up_is_harmless(fleet: Shop) -> None:
    """It says so."""
    assert ended(fleet, "one") == Down(ended=(), runs=(), scheduler=False)


@pytest.mark.parametrize(("name", "words"), [("plain", "is not hired"), ("nobody", "no agent")])
def test_what_is_no_hired_agent_is_refused(fleet: Shop, name: str, words: str) -> None:
    """With who is."""
    with pytest.raises(UsageError, match=words):
        begun(fleet, name)


def test_a_project_without_hired_agents_says_how_to_get_one(shop: Shop) -> None:
    """It does not idle as if all were well."""
    shop.write("agents/plain/SKILL.md", "Work.")
    with pytest.raises(UsageError, match="no hired agent"):
        begun(shop)


def test_all_that_is_missing_is_said_at_once_and_nobody_is_begun(fleet: Shop) -> None:
    """With the variable's name and the credential's."""
    fleet.hire("rev", "review")
    fleet.write("config.toml", fleet.read("config.toml") + '\n[local]\nruntime = "process"\n')
    fleet.write("agents/one/config.toml", 'credentials = ["forge_bot:one"]\n')
    with pytest.raises(CredentialError) as refused:
        begun(fleet, every=True)
    assert "forge_bot/one/token" in refused.value.message
    assert (
        "rev needs a key, ANTHROPIC_API_KEY, and anthropic_key:rev is not stored"
        in refused.value.message
    )
    assert switches.read(services(fleet).ledger).up == ()


@pytest.mark.parametrize(
    ("key", "words"), [("", "set ANTHROPIC"), ("sk-ant-1", "is set here, and")]
)
def test_a_missing_key_is_told_with_what_stores_it(fleet: Shop, key: str, words: str) -> None:
    """Word for word to be typed; one that this shell has is nobody's yet, and is not shown."""
    fleet.hire("rev", "review")
    agent = {agent.name: agent for agent in services(fleet).project.agents}["rev"]  # type: ignore[union-attr]
    fleet.write("config.toml", fleet.read("config.toml") + '\n[local]\nruntime = "process"\n')
    with pytest.raises(CredentialError) as refused:
        ready.check(services(fleet), [agent], variables={"ANTHROPIC_API_KEY": key})
    assert words in refused.value.hint
    assert "`al hire rev review` stores it for the agent" in refused.value.hint
    assert "sk-ant-1" not in refused.value.hint


def test_a_key_that_hiring_does_not_store_is_added_by_hand(fleet: Shop) -> None:
    """Hiring again would not help."""
    model = 'model = { provider = "openai", model = "gpt-5", credential = "o" }'
    section = f'[agents.o]\nroles = ["dev"]\n{model}\n[local]\nruntime = "process"\n'
    fleet.write("config.toml", f"{fleet.read('config.toml')}\n{section}")
    fleet.write("agents/o/SKILL.md", "Work.")
    with pytest.raises(CredentialError, match="o needs a key, OPENAI_API_KEY") as refused:
        begun(fleet, "o")
    assert refused.value.hint == "`al creds add openai_key:o`"


def test_a_hosted_agent_is_begun_with_its_own_key(fleet: Shop) -> None:
    """The key of all does not do."""
    fleet.hire("rev", "review", key="sk-ant-own")
    fleet.write("config.toml", fleet.read("config.toml") + '\n[local]\nruntime = "process"\n')
    assert begun(fleet, "rev").begun == ("rev",)


def test_a_model_needs_a_container_or_the_user_s_word(fleet: Shop) -> None:
    """An agent with a shell does not come up on the bare host by itself."""
    fleet.hire("rev", "review", key="sk-ant-own")
    with pytest.raises(ConfigError):
        begun(fleet, "rev")


def test_a_new_role_is_off_until_an_agent_of_it_is_begun(fleet: Shop) -> None:
    """Then it is on, and says so."""
    assert [(r.name, r.state) for r in role.roles(services(fleet))] == [
        ("dev", "off, never turned on")
    ]
    assert begun(fleet, "one").roles == ("dev",)
    assert [(r.name, r.on) for r in role.roles(services(fleet))] == [("dev", True)]


def test_a_role_that_somebody_disabled_stays_off(fleet: Shop) -> None:
    """Beginning an agent does not turn it back; the agent is shown as off."""
    role.turn(services(fleet), ["dev"], every=False, on=False)
    assert begun(fleet, "one").roles == ()
    assert states(fleet)["one"] == "off"


def test_a_role_that_nobody_has_is_refused(fleet: Shop) -> None:
    """A slip of the pen would switch nothing, and look as if it had."""
    with pytest.raises(UsageError, match="no agent has the role 'dve'"):
        role.turn(services(fleet), ["dve"], every=False, on=True)


def test_without_a_role_there_is_nothing_to_turn(shop: Shop) -> None:
    """And it says how one comes to be."""
    shop.write("agents/plain/SKILL.md", "Work.")
    shop.write("agents/plain/test-script.sh", "true\n")
    with pytest.raises(UsageError, match="no agent has a role") as refused:
        role.turn(services(shop), [], every=True, on=True)
    assert "al hire NAME ROLE" in refused.value.hint


def test_every_role_can_be_turned(fleet: Shop) -> None:
    """And none without a word of which."""
    fleet.hire("rev", "review")
    assert [r.name for r in role.turn(services(fleet), [], every=True, on=True)] == [
        "dev",
        "review",
    ]
    with pytest.raises(UsageError):
        role.turn(services(fleet), [], every=False, on=True)


def test_what_an_agent_is_shows_in_one_row(fleet: Shop) -> None:
    """Name, roles, server, state, and how old what it holds is."""
    fleet.hire("rev", "review", key="sk-ant-own")
    rows = {row.name: row for row in ps.rows(services(fleet), now())}
    assert rows["one"].backend == "10.0.0.1:8081"
    assert (rows["rev"].roles, rows["rev"].backend) == (("review",), "anthropic")
    assert rows["rev"].credential_since is not None
    assert (rows["one"].credential_since, rows["one"].last_run) == (None, None)


def test_an_old_switch_is_refused_with_what_to_do_instead() -> None:
    """Who sets it believes that it still starts something."""
    with pytest.raises(ConfigError) as refused:
        ready.refuse_old_switches({"ENABLE_LLAMA_AGENT": "1"})
    assert "al hire" in refused.value.hint
    ready.refuse_old_switches({"ENABLE_LLAMA_AGENT": "0"})


def test_a_shell_s_models_are_nobody_s_in_the_background() -> None:
    """Neither a key nor a server of the one who happened to begin it."""
    given = {"ANTHROPIC_API_KEY": "k", "LLM_BASE_URL": "u", "AL_LLM_MODEL": "m", "PATH": "/bin"}
    assert without_models(given) == {"PATH": "/bin"}


def test_a_scheduler_that_nobody_waits_for_any_more_is_ended(fleet: Shop) -> None:
    """`al down` would not know it for one that `al up` has begun."""
    children: set[int] = set()

    def interrupted(_: float) -> None:
        children.update(row.pid for row in below())
        raise KeyboardInterrupt

    before = {row.pid for row in below()}
    with pytest.raises(KeyboardInterrupt):
        ensure(services(fleet), keep_going=False, sleep=interrupted)
    assert children > before
    assert eventually(lambda: {row.pid for row in below()} <= before)


def test_hiring_again_while_it_is_at_work_leaves_the_old_token_for_the_run(fleet: Shop) -> None:
    """For as long as the run may last."""
    begun(fleet, "one")
    there = services(fleet)
    ledger = there.ledger
    assert (is_up(there, "one"), at_work_for(there, "one")) == (True, None)
    ledger.queue.take("me", Rooms(agents={"one": 1}), seconds=60, moment=MOMENT + timedelta(days=1))
    assert at_work_for(there, "one") == timedelta(seconds=900)


def test_two_projects_do_not_know_of_each_other(fleet: Shop, tmp_path: Path) -> None:
    """Each has its own switches."""
    begun(fleet, "one")
    other = Shop(tmp_path / "other", fleet.home)
    other.write("config.toml", 'name = "other"\n')
    other.hire("one", base_url=LOCAL)
    other.write("agents/one/test-script.sh", "#!/bin/sh\necho work\n")
    assert states(other) == {"one": "down"}
