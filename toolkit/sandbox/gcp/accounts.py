"""Service accounts that there are, and those that were: what iam.py answers about and access.py judges by."""

from dataclasses import dataclass, field
from datetime import datetime

DOMAIN = "iam.gserviceaccount.com"


@dataclass(slots=True, kw_only=True)
class Account:
    """One identity.  `unseen` is how many calls still do not see it."""

    email: str
    unique_id: str
    display_name: str = ""
    description: str = ""
    disabled: bool = False
    unseen: int = 0
    etag: str = ""
    deleted: datetime | None = None


@dataclass(slots=True)
class Accounts:
    """By e-mail those that live, by unique id those that were deleted and may come back."""

    by_email: dict[str, Account] = field(default_factory=dict)
    gone: dict[str, Account] = field(default_factory=dict)
    made: int = 0

    def find(self, who: str) -> Account | None:
        """By e-mail or unique id."""
        if who in self.by_email:
            return self.by_email[who]
        return next((a for a in self.by_email.values() if a.unique_id == who), None)
