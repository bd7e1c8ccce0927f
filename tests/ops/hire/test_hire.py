"""Hiring as a whole: what is made, what the same again changes, and what two agents have in common (nothing)."""

from pathlib import Path

import pytest

from tests.ops.hire.forgejo import ForgeState
from tests.ops.hire.project import LOCAL, Shop
from toolkit.config.load import load_project
from toolkit.core.errors import ConfigError, NotFound, UsageError


def how(done: list, what: str) -> str:  # type: ignore[type-arg]
    """What became of one thing."""
    (found,) = [one.how for one in done if one.what == what]
    return str(found)


def test_hiring_makes_an_agent_that_loads(shop: Shop) -> None:
    """Section, instructions and loop; with the project's first agent too."""
    shop.hire("dev-qwen", base_url=LOCAL, model="q")
    (agent,) = load_project(shop.directory).agents
    assert agent.hired is not None
    assert (agent.hired.roles, agent.hired.poll) == (("dev",), 60)
    assert (agent.models[0].base_url, agent.models[0].auth_type) == (LOCAL, "none")


def test_each_thing_is_told_with_where_it_is(shop: Shop, forge: ForgeState) -> None:
    """Account, access, credential, instructions, section and service."""
    shop.with_forge(forge)
    done = shop.hire("dev-qwen", base_url=LOCAL)
    assert [one.what for one in done] == [
        "account",
        "access",
        "token and password",
        "instructions",
        "credentials",
        "section",
        "service",
    ]
    assert all(one.where for one in done)


def test_without_a_forge_it_is_said_that_there_is_no_account(shop: Shop) -> None:
    """And everything else is made."""
    done = shop.hire("dev-qwen", base_url=LOCAL)
    assert (how(done, "account"), how(done, "section")) == ("none made", "made")


def test_the_same_again_leaves_every_file_of_the_project_as_it_is(
    shop: Shop, forge: ForgeState
) -> None:
    """Only the credentials on this machine are other ones."""
    shop.with_forge(forge)
    shop.hire("dev-qwen", base_url=LOCAL, model="q")
    before = {n: data for n, data in shop.everything().items() if n.startswith(str(shop.directory))}
    done = shop.hire("dev-qwen", base_url=LOCAL, model="q")
    after = {n: data for n, data in shop.everything().items() if n.startswith(str(shop.directory))}
    assert after == before
    assert how(done, "section") == "kept"


def test_two_agents_of_one_role_share_nothing(shop: Shop, forge: ForgeState) -> None:
    """Account, token, password, directory and section are each agent's own."""
    shop.with_forge(forge)
    shop.hire("dev-one", base_url=LOCAL)
    one = shop.stored("forge_bot/dev-one/token"), shop.stored("forge_bot/dev-one/password")
    shop.hire("dev-two", base_url=LOCAL)
    two = shop.stored("forge_bot/dev-two/token"), shop.stored("forge_bot/dev-two/password")
    assert one == (
        shop.stored("forge_bot/dev-one/token"),
        shop.stored("forge_bot/dev-one/password"),
    )
    assert set(one).isdisjoint(two)
    assert forge.users.keys() == {"dev-one", "dev-two"}
    first, second = load_project(shop.directory).agents
    assert set(first.credentials).isdisjoint(second.credentials)


def test_a_hosted_agent_has_a_key_of_its_own(shop: Shop) -> None:
    """The last one hired does not change the others' keys."""
    shop.hire("rev-one", "review", key="sk-ant-one")
    shop.hire("rev-two", "review", key="sk-ant-two")
    assert shop.stored("anthropic_key/rev-one/token") == "sk-ant-one"
    assert shop.stored("anthropic_key/rev-two/token") == "sk-ant-two"
    assert shop.stored("anthropic_key/default/token") is None
    assert "base_url" not in shop.agents["rev-one"]


def test_a_hosted_agent_without_a_key_is_defined_all_the_same(shop: Shop) -> None:
    """With a word of what is required before it starts."""
    done = shop.hire("rev", "review")
    assert "ANTHROPIC_API_KEY" in how(done, "key")
    assert "rev" in shop.agents


def test_a_key_in_the_environment_is_not_for_an_agent_of_a_local_model(shop: Shop) -> None:
    """No provider's key is kept for another one's agent."""
    shop.hire("dev-qwen", base_url=LOCAL, key="sk-ant-one")
    assert not (shop.home / "credentials" / "anthropic_key").exists()


def test_a_script_is_said_to_run_in_place_of_the_model(shop: Shop) -> None:
    """Else nobody would know why its server is never asked."""
    shop.hire("dev", base_url=LOCAL)
    shop.write("agents/dev/test-script.sh", "true\n")
    assert "its model, which is not asked" in how(shop.hire("dev"), "script")


def test_a_script_needs_no_key(shop: Shop) -> None:
    """So none is asked for."""
    shop.write("agents/rev/test-script.sh", "true\n")
    assert how(shop.hire("rev", "review"), "key") == "missing, and not needed while its script runs"


def test_instructions_that_were_changed_by_hand_stay(shop: Shop) -> None:
    """Unless a formula is named."""
    shop.hire("dev", base_url=LOCAL)
    shop.write("agents/dev/SKILL.md", "my own\n")
    shop.hire("dev", base_url=LOCAL)
    assert shop.read("agents/dev/SKILL.md") == "my own\n"


def test_a_formula_that_is_named_replaces_the_instructions(shop: Shop, tmp_path: Path) -> None:
    """It is what was asked for."""
    shop.hire("dev", base_url=LOCAL)
    (tmp_path / "mine.md").write_text("Do this.\n")
    shop.hire("dev", base_url=LOCAL, formula=tmp_path / "mine.md")
    assert shop.read("agents/dev/SKILL.md") == "Do this.\n"


def test_the_project_s_formula_comes_before_ours(shop: Shop) -> None:
    """formulas/ROLE.md, then formulas/ROLE.toml, then formulas/run-ROLE.toml."""
    steps = '[[steps]]\ntitle = "Look"\ndescription = "Look at it."\n'
    shop.write("formulas/run-dev.toml", f'description = "Improves things."\n{steps}')
    shop.hire("dev", base_url=LOCAL)
    text = shop.read("agents/dev/SKILL.md")
    assert text == "Improves things.\n\n## 1. Look\n\nLook at it.\n"


def test_a_role_without_a_formula_is_refused_before_anything_is_made(
    shop: Shop, forge: ForgeState
) -> None:
    """With where one was looked for, and the roles that come with al."""
    shop.with_forge(forge)
    with pytest.raises(NotFound, match=r"formulas/cook\.md") as refused:
        shop.hire("dev", "cook", base_url=LOCAL)
    assert "dev, review" in refused.value.hint
    assert (forge.calls, "dev" in shop.agents) == ([], False)


def test_a_declared_credential_is_added_to_those_that_are_there(
    shop: Shop, forge: ForgeState
) -> None:
    """With the comments around it."""
    shop.with_forge(forge)
    shop.write("agents/dev/SKILL.md", "Work.")
    shop.write("agents/dev/config.toml", 'credentials = ["git_ssh"]  # mine\ntimeout = 5\n')
    shop.hire("dev", base_url=LOCAL)
    text = shop.read("agents/dev/config.toml")
    assert text == 'credentials = ["git_ssh", "forge_bot:dev"]  # mine\ntimeout = 5\n'


def test_other_agents_that_are_wrong_hold_nobody_up(shop: Shop) -> None:
    """What is wrong with one's own section does."""
    text = shop.read("config.toml") + "[agents.old]\npoll_interval = 0\n"
    shop.write("config.toml", text)
    shop.hire("dev", base_url=LOCAL)
    with pytest.raises(ConfigError, match=r"config\.toml:4: agents\.old\.pollInterval"):
        shop.hire("old", base_url=LOCAL)


def test_a_directory_without_a_project_is_refused(shop: Shop) -> None:
    """Nothing is made in it."""
    (shop.directory / "config.toml").unlink()
    with pytest.raises(ConfigError, match="not a project"):
        shop.hire("dev", base_url=LOCAL)
    assert list(shop.directory.iterdir()) == []


def test_a_role_that_is_no_name_is_refused(shop: Shop) -> None:
    """It becomes part of variables and switches."""
    with pytest.raises(UsageError, match="is no role"):
        shop.hire("dev", "Dev Ops", base_url=LOCAL)
