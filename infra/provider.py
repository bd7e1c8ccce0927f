"""What the Pulumi driver has to know of a cloud: one implementation for each, so that the driver knows none."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from toolkit.core.environment import GcpCloud
from toolkit.core.errors import AlError
from toolkit.core.plan import Item
from toolkit.core.ports import Context

from .adoption import Found, Key


class Provider(Protocol):
    """One account or project, and Pulumi's provider for it."""

    package: str  # what Pulumi calls it: `aws`, `gcp`
    words: str  # what people call it
    wholes: Mapping[
        str, str
    ]  # kind of item -> the type that carries its tags, and whose name can be taken

    def program(self, items: Sequence[Item], adopted: Mapping[Key, str]) -> Callable[[], None]: ...

    def check_account(self) -> None:
        """Raises ConfigError when the credentials at hand are of another account than the environment's."""

    def settings(self) -> Mapping[str, Any]:
        """The provider's configuration."""

    def variables(self) -> Mapping[str, str]:
        """For Pulumi's process: what lets it in."""

    def find(self, items: Iterable[Item]) -> tuple[Found, ...]:
        """What stands under the names of these items."""

    def restore(self, ref: str) -> None:
        """Keep what waits for its deletion, and what `find` said so of."""

    def bucket(self, *, make: bool) -> str | None:
        """The URL of the bucket that we keep the state in; None when there is none yet, and it is not to be made."""

    def meaning(self, text: str) -> tuple[type[AlError], str] | None:
        """Which of our errors, and which hint, the cloud's words in Pulumi's output come to; None when nobody told us."""


def provider_for(context: Context) -> Provider:
    """Of the environment's cloud.  Raises ConfigError where there is none."""
    if isinstance(context.environment.cloud, GcpCloud):
        from .provider_gcp import GcpProvider

        return GcpProvider(context)
    from .provider_aws import AwsProvider

    return AwsProvider(context)
