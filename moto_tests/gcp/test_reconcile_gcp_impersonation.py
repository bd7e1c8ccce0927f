"""`al doctor -c` says who may become an agent's account by the account's own policy."""

import pytest

from infra.reconcile.gcp import GcpReconciler
from moto_tests.gcp.deployed import account, items, reconcile
from moto_tests.gcp.granting import Granting, binding, member
from toolkit.core.gcp_names import account_email
from toolkit.core.ports import Concern, Context

CREATOR = "roles/iam.serviceAccountTokenCreator"
USER = "roles/iam.serviceAccountUser"


@pytest.fixture
def dev(gcp_context: Context) -> str:
    """The e-mail of agent `dev`'s account; all of the environment's are there."""
    reconcile(gcp_context, items(gcp_context))
    return email(gcp_context, "dev")


def email(context: Context, agent: str) -> str:
    return account_email(account(context, agent), "al-sandbox")


def give(granting: Granting, whose: str, role: str, who: str) -> None:
    resource = f"projects/al-sandbox/serviceAccounts/{whose}"
    granting.grant(binding(role, who), resource=resource, where=granting.iam)


def concerns(context: Context) -> list[Concern]:
    reconciler = GcpReconciler(context)
    return list(reconciler.concerns(reconciler.observe(items(context)), {}))


def test_operators_who_may_act_as_it_are_no_concern(
    gcp_context: Context, granting: Granting, dev: str
) -> None:
    """Jobs are made by them (https://cloud.google.com/iam/docs/service-accounts-actas)."""
    give(granting, dev, USER, "user:ada@example.com")
    assert concerns(gcp_context) == []


def test_whoever_gets_its_tokens_is_told_of(
    gcp_context: Context, granting: Granting, dev: str
) -> None:
    """It may be meant, so nothing is taken away
    (https://cloud.google.com/iam/docs/service-account-impersonation)."""
    give(granting, dev, CREATOR, "user:eve@example.com")
    (found,) = concerns(gcp_context)
    assert (found.about, found.warning) == (dev, True)
    assert "user:eve@example.com" in found.message
    assert CREATOR in found.message


@pytest.mark.parametrize("role", [CREATOR, USER])
def test_another_agent_that_may_become_it_is_an_error(
    gcp_context: Context, granting: Granting, dev: str, role: str
) -> None:
    """It would have the other's credentials."""
    give(granting, dev, role, member(email(gcp_context, "ops")))
    (found,) = concerns(gcp_context)
    assert (found.about, found.warning) == (dev, False)


def test_everybody_who_may_become_it_is_an_error(
    gcp_context: Context, granting: Granting, dev: str
) -> None:
    """All who have a Google account, or none."""
    give(granting, dev, USER, "allAuthenticatedUsers")
    (found,) = concerns(gcp_context)
    assert not found.warning
