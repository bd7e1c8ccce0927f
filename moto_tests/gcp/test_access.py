"""Who may what: roles, bindings and conditions, as a container's token is held to them."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from google.api_core import exceptions
from google.iam.v1 import policy_pb2

from moto_tests.gcp.granting import CLAIM, NUMBER, PROJECT, Granting, binding, member
from toolkit.sandbox.gcp.cloud import Google
from toolkit.sandbox.gcp.refusals import Refused
from toolkit.sandbox.gcp.rpc import ANONYMOUS, Caller

OWN, FOREIGN = "secrets/run--dev--1", "secrets/run--other--1"


def test_a_claimer_may_read_destroy_and_delete_its_own_secrets(
    google: Google, granting: Granting
) -> None:
    """A custom role with three permissions, on a condition with the project's number
    (https://cloud.google.com/secret-manager/docs/access-control)."""
    caller = granting.claimer()
    version, secret = f"{PROJECT}/{OWN}/versions/1", f"{PROJECT}/{OWN}"
    assert google.access.may(caller, "secretmanager.versions.access", version)
    assert google.access.may(caller, "secretmanager.versions.destroy", version)
    assert google.access.may(caller, "secretmanager.secrets.delete", secret)


@pytest.mark.parametrize("permission", CLAIM)
def test_a_claimer_may_nothing_with_the_secrets_of_others(
    google: Google, granting: Granting, permission: str
) -> None:
    """The prefix ends with the separator, so `dev` is not `dev-2` either."""
    caller = granting.claimer()
    assert not google.access.may(caller, permission, f"{PROJECT}/{FOREIGN}/versions/1")
    assert not google.access.may(caller, permission, f"{PROJECT}/secrets/run--dev-2--1/versions/1")


def test_a_condition_with_the_project_s_id_never_holds(google: Google, granting: Granting) -> None:
    """Names of secrets have the number in them, and nothing says so when a policy is set
    (https://cloud.google.com/iam/docs/conditions-resource-attributes)."""
    caller = granting.claimer(f"{PROJECT}/secrets/run--dev--")
    assert not google.access.may(caller, CLAIM[0], f"{PROJECT}/{OWN}/versions/1")
    assert not google.access.may(caller, CLAIM[0], f"{NUMBER}/{OWN}/versions/1")


def test_listing_and_creating_cannot_be_allowed_by_a_secret_s_name(
    google: Google, granting: Granting
) -> None:
    """Both are asked of the project, whose name is no secret's."""
    email = granting.account().email
    rights = ("secretmanager.secrets.list", "secretmanager.secrets.create")
    role = granting.role("al_list", rights).name
    expression = f'resource.name.startsWith("{NUMBER}/secrets/run--dev--")'
    granting.grant(binding(role, member(email), expression=expression))
    assert not any(google.access.may(Caller(email), right, PROJECT) for right in rights)


def test_the_accessor_role_cannot_destroy(google: Google, granting: Granting) -> None:
    """https://cloud.google.com/iam/docs/roles-permissions/secretmanager#secretmanager.secretAccessor"""
    email = granting.account().email
    granting.grant(binding("roles/secretmanager.secretAccessor", member(email)))
    may = [google.access.may(Caller(email), p, f"{PROJECT}/{OWN}/versions/1") for p in CLAIM]
    assert may == [True, False, False]


def test_a_role_on_one_secret_is_a_role_on_its_versions_only(
    google: Google, granting: Granting
) -> None:
    """Roles are granted on secrets and above, never on a version."""
    granting.secret("run--dev--1")
    email, where = granting.account().email, granting.secrets
    accessor = binding("roles/secretmanager.secretAccessor", member(email))
    granting.grant(accessor, resource=f"{PROJECT}/{OWN}", where=where)
    assert google.access.may(Caller(email), CLAIM[0], f"{PROJECT}/{OWN}/versions/1")
    assert not google.access.may(Caller(email), CLAIM[0], f"{PROJECT}/{FOREIGN}/versions/1")
    granting.secrets.delete_secret(name=f"{PROJECT}/{OWN}")
    granting.secret("run--dev--1")
    assert not google.access.may(Caller(email), CLAIM[0], f"{PROJECT}/{OWN}/versions/1")


def test_a_role_on_a_secret_ends_with_the_secret(
    google: Google, granting: Granting, manners: Callable[..., None]
) -> None:
    """A later one of the same name, after the first expired, begins without a policy."""
    granting.secret("a", ttl=timedelta(minutes=1))
    email, where = granting.account().email, granting.secrets
    accessor = binding("roles/secretmanager.secretAccessor", member(email))
    granting.grant(accessor, resource=f"{PROJECT}/secrets/a", where=where)
    manners(clock_ahead=120)
    granting.secret("a")
    assert not google.access.may(Caller(email), CLAIM[0], f"{PROJECT}/secrets/a/versions/1")


def test_testing_permissions_is_not_asking_for_them(google: Google, granting: Granting) -> None:
    """What a pre-flight looks at is not what a run needs."""
    asked = {"resource": PROJECT, "permissions": ["resourcemanager.projects.get"]}
    granting.projects.test_iam_permissions(request=asked)
    assert google.recording.calls() == ()


def test_without_a_token_the_operator_asks(google: Google, granting: Granting) -> None:
    """The sandbox is the user's own, whose every right is recorded."""
    granting.secret("a")
    assert google.access.caller("").is_operator
    asked = {(call.principal, call.action) for call in google.recording.calls()}
    assert ("operator", "secretmanager.secrets.create") in asked


def test_a_token_that_is_nobody_s_is_refused(google: Google) -> None:
    """UNAUTHENTICATED, which is not PERMISSION_DENIED."""
    with pytest.raises(Refused, match="invalid authentication credentials"):
        google.access.caller("Bearer ya29.stolen")


def test_a_token_ends_after_an_hour(google: Google, granting: Granting) -> None:
    """https://cloud.google.com/docs/authentication/token-types#access"""
    token = google.tickets.token(granting.account().email).text
    assert google.access.caller(f"Bearer {token}").email
    google.settings = google.settings.changed({"clock_ahead": 3_700})
    with pytest.raises(Refused, match="invalid authentication credentials"):
        google.access.caller(f"Bearer {token}")


def test_a_disabled_account_is_nobody(google: Google, granting: Granting) -> None:
    """https://cloud.google.com/iam/docs/service-accounts-disable-enable"""
    account = granting.account()
    header = f"Bearer {google.tickets.token(account.email).text}"
    granting.iam.disable_service_account(request={"name": account.name})
    with pytest.raises(Refused, match="invalid authentication credentials"):
        google.access.caller(header)
    granting.iam.enable_service_account(request={"name": account.name})
    assert google.access.caller(header) == Caller(account.email)


def test_a_deleted_account_s_rights_do_not_pass_to_its_successor(
    google: Google, granting: Granting
) -> None:
    """The binding stays, for `deleted:serviceAccount:...?uid=...`
    (https://cloud.google.com/iam/docs/service-accounts-delete-undelete)."""
    caller, name = granting.claimer(), f"{PROJECT}/serviceAccounts/"
    old = granting.iam.get_service_account(name=f"{name}{caller.email}")
    granting.iam.delete_service_account(name=old.name)
    granting.account()
    (left,) = granting.policy().bindings
    assert list(left.members) == [f"deleted:serviceAccount:{caller.email}?uid={old.unique_id}"]
    assert not google.access.may(caller, CLAIM[0], f"{PROJECT}/{OWN}/versions/1")


def test_an_account_that_comes_back_has_its_rights_again(
    google: Google, granting: Granting
) -> None:
    """By its unique id, for 30 days (https://cloud.google.com/iam/docs/service-accounts-delete-undelete)."""
    caller, accounts = granting.claimer(), f"{PROJECT}/serviceAccounts"
    old = granting.iam.get_service_account(name=f"{accounts}/{caller.email}")
    granting.iam.delete_service_account(name=old.name)
    granting.iam.undelete_service_account(request={"name": f"{accounts}/{old.unique_id}"})
    assert google.access.may(caller, CLAIM[0], f"{PROJECT}/{OWN}/versions/1")


def test_a_deleted_role_grants_nothing(google: Google, granting: Granting) -> None:
    """Although it can come back, and then grants again."""
    caller, version = granting.claimer(), f"{PROJECT}/{OWN}/versions/1"
    name = f"{PROJECT}/roles/al_claim"
    granting.iam.delete_role(request={"name": name})
    assert not google.access.may(caller, CLAIM[0], version)
    granting.iam.undelete_role(request={"name": name})
    assert google.access.may(caller, CLAIM[0], version)


def test_a_changed_policy_counts_after_a_while(
    google: Google, granting: Granting, manners: Callable[..., None]
) -> None:
    """Granting takes its time, and so does taking away: minutes
    (https://cloud.google.com/iam/docs/access-change-propagation)."""
    manners(policy_delay=120)
    caller, version = granting.claimer(), f"{PROJECT}/{OWN}/versions/1"
    assert not google.access.may(caller, CLAIM[0], version)
    manners(clock_ahead=121)
    assert google.access.may(caller, CLAIM[0], version)
    granting.put(policy_pb2.Policy())
    assert google.access.may(caller, CLAIM[0], version)
    manners(clock_ahead=242)
    assert not google.access.may(caller, CLAIM[0], version)


def test_everybody_is_not_nobody(google: Google, granting: Granting) -> None:
    """`allUsers` means somebody without a token, too (https://cloud.google.com/iam/docs/principals-overview)."""
    granting.secret("a")
    public = binding("roles/secretmanager.viewer", "allUsers")
    granting.grant(public, resource=f"{PROJECT}/secrets/a", where=granting.secrets)
    assert google.access.may(ANONYMOUS, "secretmanager.secrets.get", f"{PROJECT}/secrets/a")
    assert not google.access.may(ANONYMOUS, CLAIM[0], f"{PROJECT}/secrets/a/versions/1")


def test_permissions_are_tested_on_what_is_there(granting: Granting) -> None:
    """The operator has all that were asked for; of a secret that is not there nobody has any, and it is no error
    (https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets/testIamPermissions)."""
    granting.secret("a")
    asked = {"resource": f"{PROJECT}/secrets/a", "permissions": ["secretmanager.secrets.get"]}
    answer = granting.secrets.test_iam_permissions(request=asked)
    assert list(answer.permissions) == ["secretmanager.secrets.get"]
    missing = {**asked, "resource": f"{PROJECT}/secrets/missing"}
    assert list(granting.secrets.test_iam_permissions(request=missing).permissions) == []
    with pytest.raises(exceptions.InvalidArgument):
        granting.secrets.test_iam_permissions(request={**asked, "permissions": ["*"]})
