"""Work with a model: a session in a process of its own, so that ending it is ending a process.

The session gets what it needs, keys included, through a pipe, and answers with records on another one; what it or a
library prints elsewhere is output like any other.
"""

import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

from toolkit.core.errors import ConfigError
from toolkit.core.secrets import Secret

from .credentials import hidden
from .early import Early
from .job import AgentFile, App
from .lines import Log
from .outcome import OK, RERUN, Outcome
from .processes import Family
from .prompt import sharing_prompt
from .records import Reader
from .secret import RunSecret
from .shell import Shell
from .signals import Signals

GRACE = 30.0  # seconds from the model's last word to the end of the session


def work(
    request: Mapping[str, Any], session: Early, family: Family, signals: Signals, log: Log
) -> Outcome:
    """Lets the session do `request`."""
    session.ask(request)
    code = finished(session.child, family, session.records)
    session.records.close()
    if session.records.usage:
        log.info("token-usage", **session.records.usage)
    return _outcome(code, signals, session.records, log)


def finished(
    child: "subprocess.Popen[bytes]", family: Family, records: Reader, grace: float = GRACE
) -> int:
    """Its exit code.  A session that hangs after the model's last word is ended; its work is done all the same."""
    records.final.wait()
    try:
        return family.finish(child, timeout=grace)
    except subprocess.TimeoutExpired:
        records.reason = f"idle-after-result: the session did not end within {grace:g} s"
        return OK


def request(app: App, agent: AgentFile, secret: RunSecret, shell: Shell) -> Mapping[str, Any]:
    """What the session has to know.  Raises ConfigError when the agent has no model."""
    models = secret.models or tuple(_baked(agent, secret))
    if not models:
        raise ConfigError(
            "the agent has neither a model nor a test-script.sh",
            hint="name a model in the agent's `models`",
        )
    return {
        "models": [{**model, "key": key.reveal() if key else None} for model, key in models],
        "skill": app.text("SKILL.md"),
        "prompt": "\n\n".join(_prompt(app, secret, shell)),
        "env": dict(shell.env),
        "cwd": str(shell.cwd),
        "budget": dict(agent.budget),
        "hidden": [*hidden(secret.credentials, agent.types), *secret.hidden()],
    }


def _prompt(app: App, secret: RunSecret, shell: Shell) -> Iterator[str]:
    yield app.text("prompt-static.txt")
    if secret.gateway:
        yield sharing_prompt(secret.sharing)
    yield shell.env["PROMPT"]


def _baked(
    agent: AgentFile, secret: RunSecret
) -> Iterator[tuple[Mapping[str, Any], Secret | None]]:
    """The image's models, each with the key of its provider."""
    for model in agent.models:
        yield model, secret.credentials.get(_key_path(model))


def _key_path(model: Mapping[str, Any]) -> str:
    """Where a run's secret has the key: the agent's own one, or the one that all share."""
    return f"{model.get('provider')}_key/{model.get('keyInstance') or 'default'}/token"


def _outcome(code: int, signals: Signals, records: Reader, log: Log) -> Outcome:
    wanted = signals.exit_code
    if code == OK and wanted is not None:
        code = wanted
        log.info("signal-result", type="exit", exitCode=wanted)
    elif code == OK and signals.rerun:
        code = RERUN
        log.info("signal-result", type="rerun")
    if (answer := signals.answer) is not None:
        log.info("signal-result", type="return", value=log.redactor.text(answer)[:1000])
    asked = code == RERUN and wanted is None
    outcome = Outcome.of_code(code, "the session", reason=records.reason, rerun=asked)
    if records.reason and code in (OK, RERUN):
        log.warn(records.reason)
        outcome = outcome.with_(reason=records.reason)
    return outcome.with_(return_value=answer, usage=records.usage)
