"""Service accounts (https://cloud.google.com/iam/docs/service-account-overview), by Google's own client."""

from collections.abc import Callable

import pytest
from google.api_core import exceptions

from moto_tests.gcp.granting import PROJECT, Granting

NAME = f"{PROJECT}/serviceAccounts/shop-dev@al-sandbox.iam.gserviceaccount.com"


@pytest.mark.parametrize(
    "id_", ["short", "a" * 31, "Upper-case", "1digit", "ends-with-", "a_b_c_d"]
)
def test_an_id_is_6_to_30_characters(granting: Granting, id_: str) -> None:
    """Lower-case letters, digits and inner hyphens, a letter first
    (https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts/create)."""
    with pytest.raises(exceptions.InvalidArgument) as raised:
        granting.account(id_)
    assert raised.value.details[0].field_violations[0].field == "account_id"


@pytest.mark.parametrize("id_", ["sixsix", "a" * 30])
def test_the_longest_and_the_shortest_id_are_taken(granting: Granting, id_: str) -> None:
    """The e-mail is made of it."""
    assert granting.account(id_).email == f"{id_}@al-sandbox.iam.gserviceaccount.com"


@pytest.mark.parametrize(("field", "most"), [("display_name", 100), ("description", 256)])
def test_texts_are_counted_in_bytes(granting: Granting, field: str, most: int) -> None:
    """https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts"""
    granting.account("fits-in", **{field: "ä" * (most // 2)})
    with pytest.raises(exceptions.InvalidArgument, match=str(most)):
        granting.account("too-long", **{field: "ä" * (most // 2) + "b"})


def test_a_second_account_of_a_name_is_refused(granting: Granting) -> None:
    """ALREADY_EXISTS."""
    granting.account()
    with pytest.raises(exceptions.AlreadyExists, match="shop-dev already exists"):
        granting.account()


def test_a_project_has_100_accounts(granting: Granting, manners: Callable[..., None]) -> None:
    """A new project's quota (https://cloud.google.com/iam/quotas); one account per agent meets it."""
    manners(account_quota=2)
    granting.account("first-one")
    granting.account("second-one")
    with pytest.raises(exceptions.ResourceExhausted, match="Maximum number of service accounts"):
        granting.account("third-one")


def test_an_account_is_found_by_e_mail_and_by_unique_id(granting: Granting) -> None:
    """https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts/get"""
    made = granting.account()
    by_id = f"{PROJECT}/serviceAccounts/{made.unique_id}"
    assert granting.iam.get_service_account(name=by_id) == made
    assert granting.iam.get_service_account(name=NAME) == made
    assert list(granting.iam.list_service_accounts(name=PROJECT)) == [made]


def test_a_fresh_account_is_missing_in_two_ways(
    granting: Granting, manners: Callable[..., None]
) -> None:
    """NOT_FOUND and PERMISSION_DENIED, until it is there
    (https://cloud.google.com/iam/docs/service-accounts-create#creating)."""
    manners(fresh_account_calls=2)
    made = granting.account()
    with pytest.raises(exceptions.PermissionDenied):
        granting.iam.get_service_account(name=NAME)
    with pytest.raises(exceptions.NotFound):
        granting.iam.get_service_account(name=NAME)
    assert granting.iam.get_service_account(name=NAME) == made


def test_leaving_the_project_open_hides_what_is_missing(granting: Granting) -> None:
    """With `projects/-` NOT_FOUND becomes PERMISSION_DENIED
    (https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts/get)."""
    made = granting.account()
    anywhere = f"projects/-/serviceAccounts/{made.email}"
    assert granting.iam.get_service_account(name=anywhere) == made
    granting.iam.delete_service_account(name=NAME)
    with pytest.raises(exceptions.PermissionDenied):
        granting.iam.get_service_account(name=anywhere)
    with pytest.raises(exceptions.NotFound):
        granting.iam.get_service_account(name=NAME)


def test_a_new_account_of_an_old_name_is_another(granting: Granting) -> None:
    """Its unique id is new, and the old one cannot come back while it is there
    (https://cloud.google.com/iam/docs/service-accounts-delete-undelete)."""
    old = granting.account()
    granting.iam.delete_service_account(name=NAME)
    assert granting.account().unique_id != old.unique_id
    with pytest.raises(exceptions.FailedPrecondition):
        granting.iam.undelete_service_account(
            request={"name": f"{PROJECT}/serviceAccounts/{old.unique_id}"}
        )


def test_a_deleted_account_comes_back_for_30_days(
    granting: Granting, manners: Callable[..., None]
) -> None:
    """https://cloud.google.com/iam/docs/service-accounts-delete-undelete"""
    old = granting.account()
    granting.iam.delete_service_account(name=NAME)
    manners(clock_ahead=31 * 86_400)
    with pytest.raises(exceptions.NotFound):
        granting.iam.undelete_service_account(
            request={"name": f"{PROJECT}/serviceAccounts/{old.unique_id}"}
        )


def test_a_patch_changes_what_its_mask_names(granting: Granting) -> None:
    """Nothing else, and the e-mail never."""
    granting.account(display_name="old", description="kept")
    wanted = {"name": NAME, "display_name": "new", "description": "lost"}
    asked = {"service_account": wanted, "update_mask": {"paths": ["display_name"]}}
    done = granting.iam.patch_service_account(request=asked)
    assert (done.display_name, done.description) == ("new", "kept")
    with pytest.raises(exceptions.InvalidArgument):
        granting.iam.patch_service_account(request={**asked, "update_mask": {"paths": ["email"]}})


def test_an_account_is_a_resource_with_a_policy(granting: Granting) -> None:
    """Who may act as it (https://cloud.google.com/iam/docs/manage-access-service-accounts)."""
    from moto_tests.gcp.granting import binding

    granting.account()
    user = binding("roles/iam.serviceAccountUser", "user:jane@example.com")
    granting.grant(user, resource=NAME, where=granting.iam)
    assert [b.role for b in granting.policy(NAME, where=granting.iam).bindings] == [user.role]
    granting.iam.delete_service_account(name=NAME)
    granting.account()
    assert list(granting.policy(NAME, where=granting.iam).bindings) == []


@pytest.mark.parametrize("kind", ["read", "write"])
def test_iam_has_quotas_per_minute(
    granting: Granting, manners: Callable[..., None], kind: str
) -> None:
    """6,000 reads and 600 writes (https://cloud.google.com/iam/quotas)."""
    granting.account()
    call = {
        "read": lambda: granting.iam.get_service_account(name=NAME, retry=None),
        "write": lambda: granting.iam.enable_service_account(request={"name": NAME}, retry=None),
    }[kind]
    manners(**{f"iam_{kind}_quota": 1})
    call()
    with pytest.raises(exceptions.ResourceExhausted):
        call()
