"""Who may become CI's role, decided by the policy evaluator from the claims that a job of GitHub's really has.

The claims: https://docs.github.com/en/actions/reference/security/oidc.
"""

import json
from typing import Any

import pytest

from infra.desired import oidc
from infra.desired.oidc import Repository, deploy_trust, plan_policy, plan_trust
from infra.reconcile.policy import Need, allowed
from toolkit.core.errors import LimitExceeded
from toolkit.sandbox.policy_grammar import faults

ACCOUNT = "123456789012"
SHOP = Repository(owner="octo", name="shop")
NUMBERED = Repository(owner="octo", name="shop", ids=("1", "2"))
AT_WORK = Repository(owner="octo", name="shop", host="git.example.com")
RIGHT = {
    "aud": "sts.amazonaws.com",
    "sub": "repo:octo/shop:environment:production",
    "ref": "refs/heads/main",
    "repository_id": "2",
}
STRANGERS: dict[str, dict[str, str]] = {
    "another repository": {"sub": "repo:octo/other:environment:production"},
    "another owner": {"sub": "repo:octa/shop:environment:production"},
    "a repository whose name begins alike": {"sub": "repo:octo/shop2:environment:production"},
    "other letters of the same name": {"sub": "repo:Octo/shop:environment:production"},
    "another environment": {"sub": "repo:octo/shop:environment:staging"},
    "an environment whose name begins alike": {"sub": "repo:octo/shop:environment:production2"},
    "a job without environment": {"sub": "repo:octo/shop:ref:refs/heads/main"},
    "a pull request, also a fork's": {
        "sub": "repo:octo/shop:pull_request",
        "ref": "refs/pull/7/merge",
    },
    "a pull request in the environment": {"ref": "refs/pull/7/merge"},
    "another branch in the environment": {"ref": "refs/heads/feature"},
    "a branch whose name begins alike": {"ref": "refs/heads/main2"},
    "a tag of the branch's name": {"ref": "refs/tags/main"},
    "a token for somebody else": {"aud": "https://github.com/octo"},
}


def admits(trust: dict[str, Any], claims: dict[str, str], issuer: str = SHOP.issuer) -> bool:
    """Whether the role can be assumed with a token of these claims.  A trust policy has no resource: it is the role."""
    role = f"arn:aws:iam::{ACCOUNT}:role/ci"
    statements = [{**s, "Resource": role} for s in trust["Statement"]]
    need = Need(
        action="sts:AssumeRoleWithWebIdentity",
        resource=role,
        keys={f"{issuer}:{key}".lower(): (value,) for key, value in claims.items()},
    )
    return allowed([json.dumps({**trust, "Statement": statements})], need)


def for_production(repository: Repository) -> dict[str, Any]:
    return deploy_trust(ACCOUNT, repository, environment="production", branch="main")


def test_the_right_job_may_deploy() -> None:
    """A job of the repository, for the branch, in the environment."""
    assert admits(for_production(SHOP), RIGHT)


@pytest.mark.parametrize("claims", STRANGERS.values(), ids=STRANGERS)
def test_nobody_else_may_deploy(claims: dict[str, str]) -> None:
    """One wrong claim is enough."""
    assert not admits(for_production(SHOP), RIGHT | claims)


@pytest.mark.parametrize("missing", ["aud", "sub", "ref"])
def test_a_token_that_lacks_a_claim_is_refused(missing: str) -> None:
    """StringEquals is false for what is absent: should AWS not know a claim, nobody gets in."""
    claims = {key: value for key, value in RIGHT.items() if key != missing}
    assert not admits(for_production(SHOP), claims)


@pytest.mark.parametrize("subject", ["repo:octo/shop", "repo:octo@1/shop@2"])
def test_with_numbers_both_forms_of_the_subject_may_deploy(subject: str) -> None:
    """A repository may change to the form with immutable numbers at any time
    (https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens/)."""
    claims = {**RIGHT, "sub": f"{subject}:environment:production"}
    assert admits(for_production(NUMBERED), claims)


@pytest.mark.parametrize(
    "claims",
    [
        {"repository_id": "3"},
        {"sub": "repo:octo@1/shop@3:environment:production"},
        {"sub": "repo:octo@9/shop@2:environment:production"},
    ],
)
def test_with_numbers_a_name_that_somebody_else_took_over_does_not_help(
    claims: dict[str, str],
) -> None:
    """The numbers of a deleted repository are never given again."""
    assert not admits(for_production(NUMBERED), RIGHT | claims)


def test_without_numbers_a_subject_that_has_them_is_refused() -> None:
    """There is no wildcard that would let it in by chance."""
    claims = {**RIGHT, "sub": "repo:octo@1/shop@2:environment:production"}
    assert not admits(for_production(SHOP), claims)


@pytest.mark.parametrize("repository", [SHOP, NUMBERED, AT_WORK], ids=["plain", "ids", "server"])
def test_nothing_is_compared_by_pattern(repository: Repository) -> None:
    """Only StringEquals, and no wildcard in any value: a subject with one has let strangers in elsewhere."""
    documents = [for_production(repository), plan_trust(ACCOUNT, repository)]
    statements = [s for document in documents for s in document["Statement"]]
    assert {tuple(s["Condition"]) for s in statements} == {("StringEquals",)}
    assert not {"*", "?"} & set(json.dumps(documents))


@pytest.mark.parametrize("repository", [SHOP, NUMBERED, AT_WORK], ids=["plain", "ids", "server"])
def test_iam_would_take_the_policies(repository: Repository) -> None:
    """By the grammar of trust policies."""
    for document in (for_production(repository), plan_trust(ACCOUNT, repository)):
        assert faults(json.dumps(document), trust=True, account=ACCOUNT) == []


def test_a_server_of_ones_own_pins_the_branch_in_the_subject() -> None:
    """AWS compares further claims of github.com only, so the subject template has to carry the ref."""
    trust, issuer = for_production(AT_WORK), "git.example.com/_services/token"
    claims = {"aud": "sts.amazonaws.com", "sub": "repo:octo/shop:environment:production"}
    right = claims | {"sub": f"{claims['sub']}:ref:refs/heads/main"}
    assert admits(trust, right, issuer)
    assert not admits(trust, claims | {"ref": "refs/heads/main"}, issuer)
    assert not admits(trust, right | {"sub": f"{claims['sub']}:ref:refs/heads/other"}, issuer)


@pytest.mark.parametrize(
    ("host", "issuer"),
    [
        ("github.com", "token.actions.githubusercontent.com"),
        ("octo.ghe.com", "token.actions.octo.ghe.com"),
        ("git.example.com", "git.example.com/_services/token"),
    ],
)
def test_each_kind_of_github_has_its_own_issuer(host: str, issuer: str) -> None:
    """https://docs.github.com/en/enterprise-cloud@latest/actions/reference/security/oidc"""
    repository = Repository(owner="octo", name="shop", host=host)
    assert repository.issuer == issuer
    assert oidc.provider(ACCOUNT, repository) == f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}"


def test_a_pull_request_may_become_the_role_that_reads_and_no_other() -> None:
    """The two roles share no job."""
    asked = RIGHT | {"sub": "repo:octo/shop:pull_request", "ref": "refs/pull/7/merge"}
    plan = plan_trust(ACCOUNT, SHOP)
    assert (admits(plan, asked), admits(plan, RIGHT)) == (True, False)


def test_the_role_that_reads_sees_what_was_pushed_and_no_run() -> None:
    """Runs' records hold what agents answered; a pull request's code must not get at them."""
    document = [json.dumps(plan_policy(ACCOUNT, "eu-central-1", "al-shop-production"))]
    table = f"arn:aws:dynamodb:eu-central-1:{ACCOUNT}:table/al-shop-production"

    def may(action: str, key: str) -> bool:
        keys = {"dynamodb:leadingkeys": (key,)}
        return allowed(document, Need(action=action, resource=table, keys=keys))

    assert may("dynamodb:BatchGetItem", "fact")
    assert may("dynamodb:Query", "fact")
    assert not may("dynamodb:Query", "run/hello-00000001")
    assert not may("dynamodb:BatchGetItem", "run/hello-00000001")
    assert not may("dynamodb:PutItem", "fact")


def test_a_trust_policy_that_iam_would_refuse_for_its_length_is_not_made() -> None:
    """2,048 characters (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""
    with pytest.raises(LimitExceeded, match="2048"):
        deploy_trust(ACCOUNT, SHOP, environment="production", branch="b" * 2000)
