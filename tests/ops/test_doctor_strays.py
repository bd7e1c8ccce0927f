"""What the account holds and nobody wants any more is named, with the command that removes it."""

from pathlib import Path

from tests.ops.test_doctor import a_project, an_agent
from tests.services import ENVIRONMENT, FakeServices
from toolkit.core.names import Names
from toolkit.core.plan import Item
from toolkit.core.ports import Holdings
from toolkit.ops import doctor, infrastructure
from toolkit.ops.doctor import strays
from toolkit.ops.doctor.findings import Finding, Weight, warning
from toolkit.ops.doctor.preflight import Live

NAMES = Names(ENVIRONMENT.scope)


class Account:
    """An inventory of these things."""

    def __init__(self, *items: Item) -> None:
        self._items = items

    def found(self) -> Holdings:
        return Holdings(ours=self._items)


def thing(kind: str, name: str, agent: str | None = None) -> Item:
    return Item(kind=kind, name=name, tags=NAMES.tags(agent=agent))


def found(
    tmp_path: Path, *items: Item, credentials: tuple[str, ...] = (), facts: tuple[str, ...] = ()
) -> list[Finding]:
    project = a_project(an_agent("dev", *credentials))
    services = FakeServices(tmp_path, project, inventory=Account(*items))
    for fact in facts:
        services.ledger.set_fact(fact, {"runtime": "memory"})
    return [*strays.held(services, project)]


def test_everything_of_an_agent_that_is_gone_is_one_finding(tmp_path: Path) -> None:
    """With what there is of it, and how it goes: all of the project, or this agent alone."""
    items = [thing("role", "r", "old"), thing("function", "f", "old"), thing("role", "d", "dev")]
    (finding,) = found(tmp_path, *items, facts=("definition/old",))
    assert (finding.weight, finding.about) == (Weight.LEFTOVER, "old")
    assert "role r, function f" in finding.message
    assert finding.remedy.startswith("`al push -E staging`, or `al teardown old -E staging`")


def test_many_things_are_counted(tmp_path: Path) -> None:
    """A line stays a line."""
    items = [thing("task_definition", f"t:{n}", "old") for n in range(20)]
    (finding,) = found(tmp_path, *items)
    assert finding.message.endswith("task definition t:3 and 16 more")


def test_what_the_project_has_is_no_stray(tmp_path: Path) -> None:
    """An agent's things, the environment's, and what its credentials are kept in."""
    items = [
        thing("role", "d", "dev"),
        thing("table", NAMES.table),
        thing("cluster", NAMES.base),
        thing("secret", f"{NAMES.secrets}fingerprint-key"),
        thing("secret", f"{NAMES.secrets}gateway_api_key/default/key"),
        thing("secret", f"{NAMES.secrets}sentry_token/default/token"),
    ]
    assert found(tmp_path, *items, credentials=("sentry_token",)) == []


def test_a_credential_that_no_agent_needs_is_a_stray(tmp_path: Path) -> None:
    """It can be read as long as it is there."""
    secret = thing("secret", f"{NAMES.secrets}sentry_token/default/token")
    (finding,) = found(tmp_path, secret, facts=("credential/sentry_token/default/token",))
    assert (finding.weight, finding.about) == (Weight.LEFTOVER, "sentry_token/default/token")
    assert "al push" in finding.remedy


def test_what_no_push_recorded_is_not_sent_to_a_push(tmp_path: Path) -> None:
    """A push removes what it knows: identities go with `doctor -c`, other things with their agent."""
    items = [thing("role", "r", "old"), thing("role", "s", "older"), thing("cluster", "c", "older")]
    remedies = {f.about: f.remedy for f in found(tmp_path, *items)}
    assert remedies == {
        "old": "`al doctor -c -y -E staging` removes it",
        "older": "`al teardown older -E staging` removes it",
    }
    (secret,) = found(tmp_path, thing("secret", f"{NAMES.secrets}sentry_token/default/token"))
    assert "by hand" in secret.remedy
    assert "push" not in secret.remedy


def test_a_role_that_an_agent_needs_is_no_leftover_of_its_tag_s(tmp_path: Path) -> None:
    """Somebody changed its tag: the reconciler calls that drift, and nothing advises its removal."""
    assert found(tmp_path, thing("role", NAMES.role("dev", "lambda"), "other")) == []


def test_a_function_with_another_agent_s_tag_is_told_of_its_own(tmp_path: Path) -> None:
    """No reconciler compares it, so the tag is to be set again by hand."""
    (finding,) = found(tmp_path, thing("function", NAMES.function("dev"), "other"))
    assert (finding.weight, finding.about) == (Weight.WARNING, NAMES.function("dev"))
    assert finding.remedy == "set its tag al:agent to dev again"


def test_after_a_repair_only_what_is_still_there_is_left_over(tmp_path: Path) -> None:
    """Other findings stay as they were."""
    project, role = a_project(an_agent("dev")), thing("role", "r", "old")
    services = FakeServices(tmp_path, project, inventory=Account(role))
    other = warning("a", "b", "c")
    before = [other, *strays.held(services, project)]
    assert strays.again(services, project, before) == before
    services.__dict__["inventory"] = Account()
    assert strays.again(services, project, before) == [other]


def test_an_agent_that_was_torn_down_is_not_deployed(tmp_path: Path) -> None:
    """Where something was pushed; before the first push everything is missing, and that is said otherwise."""
    project = a_project(an_agent("dev"), an_agent("torn"))
    services = FakeServices(tmp_path, project)
    assert [*strays.undeployed(services, project)] == []
    for fact in (infrastructure.APPLIED, "definition/dev"):
        services.ledger.set_fact(fact, {})
    (finding,) = strays.undeployed(services, project)
    assert (finding.weight, finding.about) == (Weight.WARNING, "torn")
    assert "`al push -E staging`" in finding.remedy


def test_logs_and_runs_secrets_are_not_told_here(tmp_path: Path) -> None:
    """Retention ends the first, and `--fix` the second."""
    items = [
        thing("log_group", NAMES.lambda_log_group("old"), "old"),
        thing("secret", f"{NAMES.run_secrets('old')}old-00000001-ff_", "old"),
    ]
    assert found(tmp_path, *items) == []


# by what was recorded


def recorded(tmp_path: Path, *facts: str, credentials: tuple[str, ...] = ()) -> list[Finding]:
    project = a_project(an_agent("dev", *credentials))
    services = FakeServices(tmp_path, project)
    for fact in facts:
        services.ledger.set_fact(fact, {"runtime": "memory"})
    return [*strays.recorded(services, project)]


def test_a_definition_of_an_agent_that_is_gone_is_a_stray(tmp_path: Path) -> None:
    """The ledger knows it; no account is asked."""
    (finding,) = recorded(tmp_path, "definition/dev", "definition/old")
    assert (finding.weight, finding.about) == (Weight.LEFTOVER, "old")


def test_a_value_that_was_pushed_for_nobody_is_a_stray(tmp_path: Path) -> None:
    """But those of the project and the gateway's key."""
    pushed = (
        "credential/gateway_api_key/default/key",
        "credential/sentry_token/default/token",
        "credential/linear_token/default/token",
    )
    (finding,) = recorded(tmp_path, *pushed, credentials=("sentry_token",))
    assert finding.about == "linear_token/default/token"


def test_what_both_say_is_told_once(tmp_path: Path) -> None:
    """In the account's words, which say what there is."""
    services = FakeServices(tmp_path, a_project(an_agent("dev")))
    services.ledger.set_fact("definition/old", {"runtime": "memory"})
    in_account = Finding(
        weight=Weight.LEFTOVER, about="old", message="its role r", remedy="`al push`"
    )
    seen = Live(findings=(in_account,))
    examination = doctor.examine(
        services, settle=False, note=lambda _: None, live=lambda services, note: seen
    )
    assert examination.findings == (in_account,)
