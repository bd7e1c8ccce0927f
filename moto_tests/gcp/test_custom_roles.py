"""Custom roles (https://cloud.google.com/iam/docs/creating-custom-roles), by Google's own client."""

from collections.abc import Callable

import pytest
from google.api_core import exceptions

from moto_tests.gcp.granting import CLAIM, PROJECT, Granting

NAME = f"{PROJECT}/roles/al_claim"


@pytest.mark.parametrize("id_", ["al-claim", "ab", "x" * 65, "a b"])
def test_an_id_has_no_hyphens(granting: Granting, id_: str) -> None:
    """3 to 64 letters, digits, periods and underscores
    (https://cloud.google.com/iam/docs/reference/rest/v1/projects.roles/create)."""
    with pytest.raises(exceptions.InvalidArgument) as raised:
        granting.role(id_)
    assert raised.value.details[0].field_violations[0].field == "role_id"


def test_a_role_is_as_it_was_made(granting: Granting) -> None:
    """With the project's id in its name."""
    made = granting.role()
    assert (made.name, set(made.included_permissions)) == (NAME, set(CLAIM))
    assert granting.iam.get_role(request={"name": NAME}) == made


def test_a_permission_that_is_none_is_refused(granting: Granting) -> None:
    """By its name (https://cloud.google.com/iam/docs/custom-roles-permissions-support)."""
    with pytest.raises(exceptions.InvalidArgument, match=r"secretmanager\.versions\.burn is not"):
        granting.role(permissions=("secretmanager.versions.burn",))


def test_a_deleted_role_keeps_its_name(granting: Granting, manners: Callable[..., None]) -> None:
    """It comes back for 7 days, and its id is free after 44
    (https://cloud.google.com/iam/docs/creating-custom-roles#deleting-custom-role)."""
    granting.role()
    assert granting.iam.delete_role(request={"name": NAME}).deleted
    with pytest.raises(exceptions.FailedPrecondition, match="in a deleted state"):
        granting.role()
    manners(clock_ahead=8 * 86_400)
    with pytest.raises(exceptions.FailedPrecondition):
        granting.iam.undelete_role(request={"name": NAME})
    manners(clock_ahead=45 * 86_400)
    assert not granting.role().deleted


def test_a_deleted_role_is_listed_when_asked_for(granting: Granting) -> None:
    """And is told by `deleted`."""
    granting.role()
    granting.iam.delete_role(request={"name": NAME})
    assert list(granting.iam.list_roles(request={"parent": PROJECT})) == []
    shown = granting.iam.list_roles(request={"parent": PROJECT, "show_deleted": True})
    assert [(role.name, role.deleted) for role in shown] == [(NAME, True)]


def test_a_list_has_permissions_when_asked_for(granting: Granting) -> None:
    """View BASIC, the default, leaves them out
    (https://cloud.google.com/iam/docs/reference/rest/v1/RoleView)."""
    granting.role()
    (basic,) = granting.iam.list_roles(request={"parent": PROJECT})
    (full,) = granting.iam.list_roles(request={"parent": PROJECT, "view": "FULL"})
    assert (len(basic.included_permissions), len(full.included_permissions)) == (0, 3)


def test_a_stale_etag_is_a_lost_race(granting: Granting) -> None:
    """ABORTED; what the winner wrote stays."""
    old = granting.role()
    wanted = {"title": "new", "etag": old.etag}
    asked = {"name": NAME, "role": wanted, "update_mask": {"paths": ["title"]}}
    granting.iam.update_role(request=asked)
    with pytest.raises(exceptions.Aborted):
        granting.iam.update_role(request={**asked, "role": {**wanted, "title": "newer"}})
    assert granting.iam.get_role(request={"name": NAME}).title == "new"


def test_an_update_changes_all_or_nothing(granting: Granting) -> None:
    """A permission that is none leaves the title, too, as it was."""
    old = granting.role()
    wanted = {"title": "new", "included_permissions": ["no.such.thing"]}
    paths = {"paths": ["title", "included_permissions"]}
    with pytest.raises(exceptions.InvalidArgument):
        granting.iam.update_role(request={"name": NAME, "role": wanted, "update_mask": paths})
    assert granting.iam.get_role(request={"name": NAME}) == old


@pytest.mark.parametrize(
    ("role", "permission", "has"),
    [
        ("roles/run.invoker", "run.jobs.run", True),
        ("roles/run.invoker", "run.jobs.runWithOverrides", False),
        ("roles/run.developer", "run.jobs.runWithOverrides", True),
        ("roles/run.developer", "run.jobs.setIamPolicy", False),
        ("roles/secretmanager.secretAccessor", "secretmanager.secrets.delete", False),
        ("roles/secretmanager.secretVersionManager", "secretmanager.versions.access", False),
        ("roles/artifactregistry.writer", "artifactregistry.repositories.deleteArtifacts", False),
        ("roles/iam.serviceAccountUser", "iam.serviceAccounts.actAs", True),
        ("roles/viewer", "secretmanager.versions.access", False),
        ("roles/editor", "secretmanager.versions.access", False),
        ("roles/owner", "secretmanager.versions.access", True),
    ],
)
def test_predefined_roles_grant_what_google_says(
    granting: Granting, role: str, permission: str, has: bool
) -> None:
    """Of those that matter to a launcher, an agent or a deployer (https://cloud.google.com/iam/docs/roles-permissions)."""
    found = granting.iam.get_role(request={"name": role})
    assert (permission in found.included_permissions) is has
