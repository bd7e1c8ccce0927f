"""No agent reaches what is another's, and a proof that could not fail would be none."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.infra.scenes import ACCOUNT, CLOUD, REGION, environment
from toolkit.core.agent import Agent, AgentName, CredentialRef, Project
from toolkit.core.environment import Environment
from toolkit.core.errors import ConfigError, UsageError
from toolkit.core.names import GATEWAY
from toolkit.core.ports import Context
from toolkit.ops.doctor import isolation
from toolkit.ops.doctor.proof import Proof
from toolkit.ops.doctor.prove import Judge, judge, prove
from toolkit.wiring import Services

NOWHERE = Path("/nowhere")
FARGATE, LAMBDA = 3600, 300
# what somebody could think of to reach a neighbour by its name
ADVERSARIAL = (
    "a",
    "a-b",
    "a-b-c",
    "runs",
    "box",
    "gateway",
    "base",
    "tasks",
    "lambda",
    "task-role",
)


def services(names: Sequence[str], env: Environment | None = None) -> Services:
    """A project of agents on Lambda and Fargate by turns."""
    agents = tuple(
        Agent(name=AgentName(name), directory=NOWHERE, instructions="work", timeout=timeout)
        for name, timeout in zip(names, (LAMBDA, FARGATE) * len(names), strict=False)
    )
    context = Context(environment=env or environment(), home=NOWHERE, project=NOWHERE)
    return Services(context, Project(name="shop", directory=NOWHERE, agents=agents))


def test_thirty_agents_are_isolated_from_each_other_and_from_the_gateway() -> None:
    """Every ordered pair of 31 owners, by the documents that would be deployed."""
    proof = prove(services([f"agent-{n}" for n in range(30)]))
    assert proof.pairs == 31 * 30
    assert len(proof.rows) == 15 + 2 * 15 + 1
    assert proof.violations == ()
    assert {cell for row in proof.rows for cell in row.cells()[2:]} == {"no"}


@pytest.mark.parametrize("turn", [ADVERSARIAL, tuple(reversed(ADVERSARIAL))])
def test_names_that_begin_alike_or_mean_something_elsewhere_reach_nothing(
    turn: tuple[str, ...],
) -> None:
    """`a` beside `a-b`, an agent called `runs`, one called `gateway`: on either runtime."""
    assert prove(services(turn)).violations == ()


def test_agents_on_fargate_in_a_vpc_and_behind_a_boundary_are_isolated_too() -> None:
    """The few actions without a resource reach nothing of another's."""
    cloud = replace(
        CLOUD, lambda_subnets=("subnet-1",), permission_boundary="arn:aws:iam::1:policy/edge"
    )
    assert prove(services(ADVERSARIAL, environment(cloud=cloud))).violations == ()


@pytest.mark.parametrize(
    ("project", "name"),
    [("shop", "production-a"), ("shop-production", "a"), ("runs", "a"), ("shop", "staging")],
)
def test_another_project_s_or_environment_s_secrets_and_mailboxes_are_out_of_reach(
    project: str, name: str
) -> None:
    """Names are in parts that a wildcard at the end does not cross, so beginnings that are alike do not matter."""
    other = judge(services(ADVERSARIAL, environment(name, project)))
    ours = replace(judge(services(ADVERSARIAL)), things=other.things, credentials=other.credentials)
    reached = {breach.kind for breach in ours.proof().breaches}
    assert reached.isdisjoint({isolation.SECRETS, isolation.CREDENTIALS, isolation.MAILBOXES})


# mutations: one grant is widened, and the proof says exactly that


def arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


def widened(whole: Judge, who: str, purpose: str, statement: dict[str, Any]) -> Proof:
    """The proof when one role has one more statement."""
    roles = tuple(
        replace(role, document=_with(role.document or "", statement))
        if (role.who, role.purpose) == (who, purpose)
        else role
        for role in whole.roles
    )
    return replace(whole, roles=roles).proof()


def _with(document: str, statement: dict[str, Any]) -> str:
    parsed = json.loads(document)
    parsed["Statement"].append({"Effect": "Allow", **statement})
    return json.dumps(parsed)


SECRET = "secretsmanager:GetSecretValue"
MUTATIONS = [
    ("a", "lambda", SECRET, arn("secretsmanager", "secret:action-llama/shop/production/runs/a*"),
     {("a-b", isolation.SECRETS, SECRET)}),
    ("a", "lambda", SECRET, arn("secretsmanager", "secret:action-llama/shop/production/runs/*/0*"),
     {("a-b", isolation.SECRETS, SECRET), ("c", isolation.SECRETS, SECRET)}),
    ("a", "lambda", SECRET, arn("secretsmanager", "secret:action-llama/shop/production/github_token/default/token-AbCdEf"),
     {("", isolation.CREDENTIALS, SECRET)}),
    ("a-b", "task", SECRET, arn("secretsmanager", "secret:action-llama/shop/production/fingerprint-key-??????"),
     {("", isolation.CREDENTIALS, SECRET)}),
    ("a-b", "execution", "logs:PutLogEvents", arn("logs", "log-group:/ecs/al-shop-production:log-stream:a*"),
     {("a", isolation.LOGS, "logs:PutLogEvents")}),
    ("a-b", "execution", "ecr:BatchGetImage", arn("ecr", "repository/al-shop-production-c"),
     {("c", isolation.IMAGES, "ecr:BatchGetImage")}),
    ("c", "lambda", "dynamodb:UpdateItem", arn("dynamodb", "table/al-shop-production"),
     {("a", isolation.MAILBOXES, "dynamodb:UpdateItem"), ("a-b", isolation.MAILBOXES, "dynamodb:UpdateItem")}),
    ("c", "lambda", "dynamodb:Scan", arn("dynamodb", "table/*"), {("", isolation.LISTS, "dynamodb:Scan")}),
    ("c", "lambda", "lambda:InvokeFunction", arn("lambda", "function:al-shop-production-a:7"),
     {("a", isolation.RUNS, "lambda:InvokeFunction")}),
    ("c", "lambda", "iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/al-shop-production-c-lambda-role",
     {("", isolation.ROLES, "iam:PassRole")}),
    ("c", "lambda", "secretsmanager:ListSecrets", "*", {("", isolation.LISTS, "secretsmanager:ListSecrets")}),
    (GATEWAY, "lambda", "logs:PutLogEvents", arn("logs", "log-group:/aws/lambda/al-shop-production-c:log-stream:x"),
     {("c", isolation.LOGS, "logs:PutLogEvents")}),
    (GATEWAY, "lambda", SECRET, arn("secretsmanager", "secret:action-llama/shop/production/github_token/*"),
     {("", isolation.CREDENTIALS, SECRET)}),
    (GATEWAY, "lambda", SECRET, arn("secretsmanager", "secret:action-llama/shop/production/runs/c/*"),
     {("c", isolation.SECRETS, SECRET)}),
    (GATEWAY, "lambda", "iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/admin", {("", isolation.ROLES, "iam:PassRole")}),
    (GATEWAY, "lambda", "iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/al-shop-production-a-b-task-role",
     {("", isolation.ROLES, "iam:PutRolePolicy")}),
    (GATEWAY, "lambda", "dynamodb:Scan", arn("dynamodb", "table/al-shop-production"),
     {("", isolation.LISTS, "dynamodb:Scan")}),
    ("a", "lambda", "lambda:InvokeFunction", arn("lambda", "function:al-shop-production--gateway"),
     {(GATEWAY, isolation.RUNS, "lambda:InvokeFunction")}),
    ("a", "lambda", "logs:GetLogEvents", arn("logs", "log-group:/aws/lambda/al-shop-production--gateway:*"),
     {(GATEWAY, isolation.LOGS, "logs:GetLogEvents")}),
]  # fmt: skip


@pytest.mark.parametrize(("who", "purpose", "action", "resource", "named"), MUTATIONS)
def test_a_grant_that_is_too_wide_is_named_and_nothing_else_is(
    who: str, purpose: str, action: str, resource: str, named: set[tuple[str, str, str]]
) -> None:
    """The role, whose things it reaches, of what kind and by which action."""
    proof = widened(
        judge(services(["a", "a-b", "c"])), who, purpose, {"Action": action, "Resource": resource}
    )
    assert {(b.owner, b.kind, b.need.action) for b in proof.breaches} == named
    assert {(b.role.who, b.role.purpose) for b in proof.breaches} == {(who, purpose)}


def test_the_gateway_reads_what_is_declared_and_nothing_else() -> None:
    """The credentials of the project's agents, by their full names; one that nobody declares is a violation."""
    base = services(["a", "a-b"])
    assert base.project is not None
    agents = tuple(
        replace(agent, credentials=(CredentialRef(type="github_token"),))
        for agent in base.project.agents
    )
    declared = replace(base, project=replace(base.project, agents=agents))
    assert prove(declared).violations == ()
    wider = {
        "Action": SECRET,
        "Resource": arn("secretsmanager", "secret:action-llama/shop/production/github_token/*"),
    }
    found = widened(judge(declared), GATEWAY, "lambda", wider).breaches
    assert {(b.kind, b.need.action) for b in found} == {(isolation.CREDENTIALS, SECRET)}


def test_a_condition_that_another_request_could_meet_is_no_wall() -> None:
    """The address that a request comes from is not known offline, so it protects nothing in a proof."""
    statement = {
        "Action": SECRET,
        "Resource": arn("secretsmanager", "secret:action-llama/shop/production/runs/c/*"),
        "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
    }
    proof = widened(judge(services(["a", "a-b", "c"])), "a", "lambda", statement)
    assert [b.owner for b in proof.breaches] == ["c"]


def test_a_violation_is_a_sentence_about_role_action_and_owner() -> None:
    """A reader can find the statement by it."""
    statement = {
        "Action": "ecr:BatchGetImage",
        "Resource": arn("ecr", "repository/al-shop-production-c"),
    }
    proof = widened(judge(services(["a", "a-b", "c"])), "a", "lambda", statement)
    (sentence,) = proof.violations
    assert sentence.startswith(
        "al-shop-production-a-lambda-role of a may ecr:BatchGetImage on arn:aws:ecr:"
    )
    assert sentence.endswith("which is c's")
    (row,) = [row for row in proof.rows if row.role.who == "a"]
    assert dict(zip(proof.headers, row.cells(), strict=True))["images"] == "c"


def test_a_repository_that_lets_every_function_pull_is_named() -> None:
    """Lambda pulls by the repository's policy, so that is judged for each function, too."""
    whole = judge(services(["a", "a-b", "c"]))
    pulls = {name: document.replace("al-shop-production-c", "al-shop-production-*")
             for name, document in whole.pulls.items()}  # fmt: skip
    breaches = replace(whole, pulls=pulls).proof().breaches
    assert {(b.role.who, b.owner, b.kind) for b in breaches} == {
        ("a", "c", isolation.IMAGES), (GATEWAY, "c", isolation.IMAGES)
    }  # fmt: skip


def test_a_role_that_the_user_brings_is_said_to_be_unproven() -> None:
    """What it allows is in the account; claiming anything would be a lie."""
    cloud = replace(CLOUD, agent_roles=(("a", "lambda", "mine"),))
    proof = prove(services(["a", "a-b"], environment(cloud=cloud)))
    assert proof.violations == ()
    assert [row.role.name for row in proof.rows if not row.proven] == ["mine"]
    (sentence,) = proof.unproven
    assert "mine, the lambda role of a" in sentence


def test_a_proof_is_plain_json() -> None:
    """For `al doctor --prove --json`: an agent may be called gateway, and is not taken for the gateway."""
    answer = json.loads(json.dumps(prove(services(["gateway", "a"])).to_dict()))
    assert answer["pairs"] == 6
    assert [role["of"] for role in answer["roles"]] == ["gateway", "a", "a", "the gateway"]
    assert (answer["violations"], answer["unproven"]) == ([], [])


def test_without_a_project_or_a_cloud_there_is_nothing_to_prove() -> None:
    """Each says what is missing."""
    with pytest.raises(UsageError, match="no project"):
        prove(replace(services(["a"]), project=None))
    with pytest.raises(ConfigError, match="not on AWS"):
        prove(services(["a"], replace(environment(), cloud=None)))
