"""Roles: those of every agent that there is or has been, and the gateway's.  IAM is one for all regions."""

from collections.abc import Iterator

from infra.reconcile import roles
from infra.reconcile.iam import Iam, at_once
from toolkit.core.errors import AccessDenied, NotFound
from toolkit.core.plan import Item

from .account import Account, mapping

LONGEST = 64  # characters of a role's name, as in Names.role


class Roles:
    kind = "role"

    def __init__(self, account: Account) -> None:
        self._account = account

    def observe(self) -> Iterator[Item]:
        """Ours as the reconciler sees them; of a stranger's, the name and the tags."""
        ours = roles.observe(self._account.clients, self._account.names)
        for role in ours:
            yield Item(kind=self.kind, name=role.name, tags=role.tags)
        known = {role.name for role in ours}
        strangers = [name for name in self._named() if name not in known]
        for name, tags in zip(strangers, at_once(self._tags, strangers), strict=True):
            if tags is not None:
                yield Item(kind=self.kind, name=name, tags=tags)

    def remove(self, item: Item) -> None:
        """With its policies and instance profile links, which would keep it from being deleted."""
        account = self._account
        account.patiently(lambda: roles.remove(account.clients, account.names, item.name))
        account.until_gone(item, lambda: self._tags(item.name) is not None)

    @property
    def _iam(self) -> Iam:
        return Iam(self._account.clients, self._account.sleep)

    def _named(self) -> list[str]:
        """Without regard to case, as IAM compares names
        (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""
        begins = self._account.begins(LONGEST).lower()
        found = (role["RoleName"] for role in self._iam.pages("list_roles", "Roles"))
        return [name for name in found if name.lower().startswith(begins)]

    def _tags(self, name: str) -> dict[str, str] | None:
        try:
            return mapping(self._iam.pages("list_role_tags", "Tags", RoleName=name))
        except NotFound:
            return None
        except AccessDenied:
            return {}  # ours may be read, as `observe` has read them, so it is none of ours
