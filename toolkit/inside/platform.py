"""Which platform this container is on: the one place here that finds a plug-in."""

from collections.abc import Mapping
from typing import cast

from toolkit.core import registry
from toolkit.core.errors import ConfigError
from toolkit.core.ports import Platform


def platform_of(environ: Mapping[str, str]) -> Platform:
    """What AL_PLATFORM names.  Raises ConfigError when there is no such platform, or it lacks a variable."""
    plugin = registry.find("platform", environ["AL_PLATFORM"])
    try:
        return cast("Platform", plugin(environ))
    except KeyError as error:
        raise ConfigError(
            f"the environment lacks {error}", hint="push the agent again with `al push`"
        ) from error
