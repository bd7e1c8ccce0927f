"""From a directory and a chosen environment to the services that a verb works with."""

import os
from collections.abc import Callable
from pathlib import Path

from toolkit import wiring
from toolkit.config import load as config
from toolkit.config.environments import SANDBOX, in_sandbox
from toolkit.core.environment import Environment, GcpCloud
from toolkit.core.errors import ConfigError


def load_services(
    directory: Path, env: str | None, *, note: Callable[[str], None]
) -> wiring.Services:
    """Raises ConfigError with every problem of the project at once.  Starts the sandbox when it is the environment."""
    project, environment = config.load(
        directory.resolve(), env, home=wiring.home(), variables=os.environ
    )
    if isinstance(environment.cloud, GcpCloud):
        raise ConfigError(
            f"the environment {environment.name!r} is on Google Cloud, which this version does not deploy to yet",
            hint="use an environment on AWS (`al env init NAME -t ecs`), or -E sandbox",
        )
    if environment.name == SANDBOX:
        environment = with_sandbox(environment, note=note)
    return wiring.services(project, environment)


def with_sandbox(environment: Environment, *, note: Callable[[str], None]) -> Environment:
    """The environment with the running sandbox's addresses; starts it when it is not running."""
    from toolkit.sandbox import daemon

    running = daemon.status(wiring.home())
    if running is None:
        note("starting the sandbox: an embedded AWS cloud on this machine (it isolates nothing)")
        running = daemon.start(wiring.home())
    return in_sandbox(environment, running.to_dict())
