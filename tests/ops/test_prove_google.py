"""No agent's account reaches what is another's on Google Cloud, and a proof that could not fail would be none."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from infra.desired.gcp_gateway import grants
from infra.reconcile.gcp_judge import Grant
from toolkit.core.agent import Agent, AgentName, Project
from toolkit.core.environment import Environment, GcpCloud, Scope
from toolkit.core.names import GATEWAY
from toolkit.core.ports import Context
from toolkit.ops.doctor.proof import Proof
from toolkit.ops.doctor.prove import prove
from toolkit.ops.doctor.prove_google import ACCOUNTS, NUMBER, PREDEFINED, Judge, judge
from toolkit.wiring import Services

NOWHERE = Path("/nowhere")
CLOUD = GcpCloud(project="my-project", region="europe-west1", repository="images")
SCOPE = Scope(project="shop", environment="production")
# what somebody could think of to reach a neighbour by its name
ADVERSARIAL = ("a", "a-b", "a-b-c", "runs", "gateway", "state", "images")


def services(names: Sequence[str], cloud: GcpCloud = CLOUD, scope: Scope = SCOPE) -> Services:
    agents = tuple(Agent(name=AgentName(n), directory=NOWHERE, instructions="work") for n in names)
    environment = Environment(name=scope.environment, scope=scope, cloud=cloud)
    context = Context(environment=environment, home=NOWHERE, project=NOWHERE)
    return Services(context, Project(name="shop", directory=NOWHERE, agents=agents))


def judged(names: Sequence[str], scope: Scope = SCOPE) -> Judge:
    made = services(names, scope=scope)
    assert made.project is not None
    return judge(made, made.project)


def widened(who: str, grant: Grant) -> Proof:
    """The proof when one account has one more grant."""
    whole = judged(["a", "a-b", "c"])
    accounts = tuple(
        replace(one, grants=(*one.grants, grant)) if one.role.who == who else one
        for one in whole.accounts
    )
    return replace(whole, accounts=accounts).proof()


def test_thirty_agents_are_isolated_from_each_other_and_from_the_gateway() -> None:
    """Every ordered pair of 31 owners, by the conditions that would be deployed."""
    proof = prove(services([f"agent-{n}" for n in range(30)]))
    assert (proof.pairs, len(proof.rows), proof.violations) == (31 * 30, 31, ())
    assert {cell for row in proof.rows for cell in row.cells()[2:]} == {"no"}


@pytest.mark.parametrize("turn", [ADVERSARIAL, tuple(reversed(ADVERSARIAL))])
def test_names_that_begin_alike_reach_nothing(turn: tuple[str, ...]) -> None:
    """`a` beside `a-b`, an agent called `runs`, one called `gateway`."""
    assert prove(services(turn)).violations == ()


@pytest.mark.parametrize(("project", "name"), [("shop", "production-a"), ("shop-production", "a")])
def test_another_environment_s_secrets_are_out_of_reach(project: str, name: str) -> None:
    """Names are in parts that `--` ends, so beginnings that are alike do not matter."""
    other = judged(ADVERSARIAL, Scope(project=project, environment=name))
    assert replace(judged(ADVERSARIAL), things=other.things).proof().violations == ()


def test_a_condition_that_is_too_short_is_found() -> None:
    """Without the separator at its end, the secrets of `a-b` begin as those of `a` do."""
    short = f"projects/{NUMBER}/secrets/action-llama--shop--production--runs--a"
    role = frozenset({"secretmanager.versions.access"})
    grant = Grant(role="r", permissions=role, expression=f'resource.name.startsWith("{short}")')
    proof = widened("a", grant)
    assert {(b.owner, b.kind) for b in proof.breaches} == {("a-b", "run secrets")}
    assert "a-b" in proof.rows[0].cells()


@pytest.mark.parametrize(
    ("permission", "kind"),
    [
        ("secretmanager.versions.access", "credentials"),
        ("iam.serviceAccounts.getAccessToken", ACCOUNTS),
        ("run.jobs.runWithOverrides", "runs"),
        ("logging.logEntries.list", "logs"),
        ("datastore.entities.update", "state"),
        ("artifactregistry.repositories.uploadArtifacts", "images"),
        ("resourcemanager.projects.setIamPolicy", "policies"),
        ("secretmanager.secrets.list", "policies"),
    ],
)
def test_a_right_without_a_condition_is_found(permission: str, kind: str) -> None:
    """Each kind of thing can be reached, so a `no` says something."""
    proof = widened("a", Grant(role="r", permissions=frozenset({permission})))
    assert kind in {breach.kind for breach in proof.breaches}


@pytest.mark.parametrize(
    ("permission", "kind"),
    [
        ("secretmanager.versions.access", "credentials"),
        ("secretmanager.secrets.setIamPolicy", "run secrets"),
        ("run.jobs.update", "runs"),
        ("iam.serviceAccounts.actAs", ACCOUNTS),
        ("logging.logEntries.create", "logs"),
        ("artifactregistry.repositories.uploadArtifacts", "images"),
        ("resourcemanager.projects.setIamPolicy", "policies"),
    ],
)
def test_the_gateway_starts_runs_and_reaches_no_further(permission: str, kind: str) -> None:
    """A credential that nobody declares, another job's definition, becoming an agent: each would be a violation."""
    found = widened(GATEWAY, Grant(role="r", permissions=frozenset({permission}))).breaches
    assert kind in {b.kind for b in found}
    assert {b.role.who for b in found} == {GATEWAY}


def test_the_gateway_reads_the_credentials_that_are_declared() -> None:
    """It puts them into runs' secrets; of a type that nobody asks for it reads none."""
    whole = replace(judged(["a"]), declared=frozenset({"github_token"}))
    reads = Grant(role="r", permissions=frozenset({"secretmanager.versions.access"}))
    gateway = [replace(one, grants=(reads,)) for one in whole.accounts if one.role.who == GATEWAY]
    found = {b.need.resource for b in replace(whole, accounts=gateway).proof().breaches}
    assert [name for name in found if "github_token" in name or "gateway_api_key" in name] == []
    assert [name for name in found if "slack" in name]


def test_every_role_that_is_granted_is_known_here() -> None:
    """A role of Google's that the proof knows nothing of would be taken for harmless."""
    given = {grant["role"] for grant in grants(CLOUD, SCOPE, NUMBER).values()}
    assert {role for role in given if role.startswith("roles/")} == set(PREDEFINED)


def test_an_account_of_the_user_s_is_unproven() -> None:
    """What it may do is not known offline; the gateway's is ours all the same."""
    mine = replace(CLOUD, service_account="me@my-project.iam.gserviceaccount.com")
    proof = prove(services(["a", "b"], mine))
    assert [row.proven for row in proof.rows] == [False, False, True]
    assert "me@my-project" in proof.unproven[0]
