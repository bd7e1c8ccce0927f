"""What an environment may be called.  Which environments there are is environments.py's."""

import re

from toolkit.core.errors import ConfigError

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?")


def check_environment_name(name: str) -> str:
    """The name.  Raises ConfigError unless it is 1-50 lower-case letters, digits and inner hyphens."""
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} is not an environment name",
            hint="use 1-50 lower-case letters, digits and inner hyphens",
        )
    return name
