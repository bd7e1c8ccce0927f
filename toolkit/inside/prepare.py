"""What happens between the claim and the work: the secret is taken and burned, and the agent's shell is made."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from toolkit.core.clock import iso
from toolkit.core.errors import ConfigError, CredentialError
from toolkit.core.ports import Platform

from . import git, setenv
from .commands._masking import FIELDS
from .commands.launchers import launchers
from .credentials import Credentials, hidden
from .gateway_client import Gateway
from .job import AgentFile, App, Job
from .lines import Log
from .processes import Family
from .prompt import dynamic_prompt
from .redact import Redactor
from .scratch import Scratch, wipe
from .secret import RunSecret
from .shell import LIBRARY, Shell, visible


def take_secret(platform: Platform, log: Log, clock: Callable[[], datetime]) -> RunSecret:
    """Read, then burned before any work of the agent: from here on only this process knows it.

    A secret that cannot be read or burned ends the run: an agent never works with half of its credentials, nor
    next to a secret that it could still read.  Raises AlError.
    """
    raw = platform.read_secret()
    _noted(platform, log, read=iso(clock()))
    platform.burn_secret()
    _noted(platform, log, burned=iso(clock()))
    secret = RunSecret.parse(raw)
    log.redactor = Redactor([*hidden(secret.credentials), *secret.hidden()])
    return secret


def _noted(platform: Platform, log: Log, **times: str) -> None:
    platform.note(**times)
    log.tell(**times)


def show_what_is_no_secret(log: Log, secret: RunSecret, agent: AgentFile) -> None:
    """From here on the log masks only what the agent's credential types call secret, and the run's token."""
    log.redactor = Redactor([*hidden(secret.credentials, agent.types), *secret.hidden()])


def make_shell(
    job: Job, secret: RunSecret, agent: AgentFile, family: Family, scratch: Scratch
) -> Shell:
    """Writes the credential files; the shell sees them, their variables, and nothing of the platform's own.

    Raises CredentialError when a required field is missing.
    """
    credentials = Credentials(agent.credentials, agent.types, secret.credentials)
    if missing := credentials.missing():
        raise CredentialError(
            f"the run's secret lacks {', '.join(missing)}",
            hint="add it with `al creds add`, then start the run again",
        )
    with writable(job.credentials):
        wipe(job.credentials)
        credentials.write(job.credentials)
    env = visible(job.environ, LIBRARY, _commands(job.app, scratch))
    env |= scratch.environment() | {"AL_CREDENTIALS_PATH": str(job.credentials)}
    env |= {"PROMPT": dynamic_prompt(secret.trigger, secret.prompt)} | _gateway(secret)
    env |= {FIELDS: ":".join(credentials.secret_fields())} | setenv.install(scratch.root)
    env |= git.template(scratch.root, env)
    env |= credentials.environment(env, scratch.home)
    env |= {"AGENT_ROLES": ",".join(agent.roles)} if agent.roles else {}
    return Shell(family=family, cwd=scratch.home, env=env)


@contextmanager
def writable(place: Path) -> Iterator[None]:
    """A place that the platform owes the run.  Raises ConfigError when it cannot be written."""
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"{place} cannot be written: {error.strerror}",
            hint="the platform must give a run a writable AL_CREDENTIALS_PATH and TMPDIR",
        ) from error


def _commands(app: App, scratch: Scratch) -> Path:
    """Where the `al-*` commands are: in the image, or made here for a run without one."""
    if (baked := app.root / "bin").is_dir():
        return baked
    place = scratch.root / "bin"
    place.mkdir(mode=0o700)
    (scratch.root / "lib").symlink_to(LIBRARY)
    for name, content in launchers(sys.executable).items():
        (place / name).write_bytes(content)
        (place / name).chmod(0o700)
    return place


def gateway_of(secret: RunSecret, log: Log) -> Gateway | None:
    """The gateway as the container itself speaks to it; None for a run without one."""
    environ = {"GATEWAY_URL": secret.gateway or "", "SHUTDOWN_SECRET": secret.token.reveal()}
    try:
        return Gateway.of(environ)
    except ConfigError as error:  # the run can do its work all the same
        log.warn("the gateway cannot be told of this run", error=error.message)
        return None


def _gateway(secret: RunSecret) -> dict[str, str]:
    if not secret.gateway:
        return {}
    return {"GATEWAY_URL": secret.gateway, "SHUTDOWN_SECRET": secret.agents_token.reveal()}
