"""The address of a model server as the section will have it."""

from toolkit.config.values import checked_url
from toolkit.core.errors import ConfigError, UsageError


def checked_address(text: str) -> str:
    """Raises UsageError for what the section could not hold."""
    try:
        return checked_url(text)
    except ConfigError as error:
        raise UsageError(f"--local-model: {error.message}", hint=error.hint) from error
