"""The Pulumi CLI, which a push to a real account needs when the infrastructure changes: is it there, and bringing it.

It is never installed unasked: the verb asks, and headless only `--install-pulumi` does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from toolkit.wiring import Services

SOURCE = "https://get.pulumi.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Why no CLI on this machine can be used, and what would be installed where."""

    reason: str
    version: str
    place: Path

    @property
    def question(self) -> str:
        return f"{self.reason}. Install Pulumi {self.version} from {SOURCE} into {self.place}?"


def missing(services: Services) -> Missing | None:
    """None where the environment needs no Pulumi, or has a CLI that can be used.  Raises ConfigError without the SDK."""
    tool = services.pulumi
    reason = tool.missing() if tool else None
    if tool is None or reason is None:
        return None
    return Missing(reason=reason, version=tool.wanted, place=tool.place)


def install(services: Services, progress: Callable[[str], None]) -> str | None:
    """Bring it; where it is now.  None where the environment needs none.  Raises AlError."""
    return services.pulumi.install(progress) if services.pulumi else None
