"""From a directory and a chosen environment to the services that a verb works with."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from toolkit import wiring
from toolkit.config import load as config
from toolkit.config.environments import SANDBOX_GCP, SANDBOXES, in_sandbox
from toolkit.config.project_files import ENVIRONMENT_TEXT
from toolkit.core.agent import Project
from toolkit.core.environment import Environment
from toolkit.core.errors import ConfigError


def load_services(
    directory: Path,
    env: str | None,
    *,
    note: Callable[[str], None],
    offline: bool = False,
    keep_going: bool = False,
) -> wiring.Services:
    """Raises ConfigError with every problem of the project at once.  Starts the sandbox when it is the environment,
    unless it is `offline`: for what is told from files alone.  `keep_going`: without the agents that are wrong."""
    project, environment = load_files(directory, env, keep_going=keep_going)
    where = environment if offline else _reachable(environment, note)
    return wiring.services(project, where, elsewhere=partial(_elsewhere, directory, note=note))


def _elsewhere(directory: Path, name: str, *, note: Callable[[str], None]) -> Environment:
    """Another environment of the project, ready to be used.  Raises ConfigError.

    What AL_ENVIRONMENT_TOML holds is the chosen one, and no other."""
    variables = {key: text for key, text in os.environ.items() if key != ENVIRONMENT_TEXT}
    found = config.load_environment(
        directory.resolve(), name, home=wiring.home(), variables=variables
    )
    return _reachable(found, note)


def load_files(
    directory: Path, env: str | None, *, keep_going: bool = False
) -> tuple[Project, Environment]:
    """What the files say now, with nothing started and nothing reached.  Raises ConfigError with every problem."""
    return config.load(
        directory.resolve(), env, home=wiring.home(), variables=os.environ, keep_going=keep_going
    )


def load_account(
    directory: Path, env: str | None, *, note: Callable[[str], None]
) -> wiring.Services:
    """As `load_services`, for a verb that works from the account: without the project where that cannot be loaded,
    or has no agents any more.  Raises ConfigError for what is wrong with the environment."""
    try:
        return load_services(directory, env, note=note)
    except ConfigError as error:
        environment = config.load_environment(
            directory.resolve(), env, home=wiring.home(), variables=os.environ
        )
        note(f"only the account is looked at, because of the project: {error.message}")
        return wiring.services(None, _reachable(environment, note), directory=directory.resolve())


def _reachable(environment: Environment, note: Callable[[str], None]) -> Environment:
    """With the sandbox started, where that is the environment."""
    return with_sandbox(environment, note=note) if environment.name in SANDBOXES else environment


def with_sandbox(environment: Environment, *, note: Callable[[str], None]) -> Environment:
    """The environment with the running sandbox's addresses; starts it when it is not running."""
    from toolkit.sandbox import daemon

    running = daemon.status(wiring.home())
    if running is None:
        note("starting the sandbox: an embedded cloud on this machine (it isolates nothing)")
        running = daemon.start(wiring.home())
    if environment.name == SANDBOX_GCP and running.google is None:
        raise ConfigError(
            "the sandbox has no Google cloud: the google libraries are not installed",
            hint="pip install 'al-toolkit[gcp]', then `al sandbox stop`",
        )
    return in_sandbox(environment, running.to_dict())
