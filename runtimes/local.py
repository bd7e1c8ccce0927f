"""Runs agents as processes on this machine: for trying things out, with no cloud and no isolation (D22)."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from toolkit.core.agent import Agent
from toolkit.core.errors import ConfigError
from toolkit.core.plan import Grant, Item
from toolkit.core.ports import Context, Limits
from toolkit.core.run import RunHandle, RunSpec

from . import _process
from ._supervised import GRACE, PASSED, Supervised

NAME = "local"
ENTRY = (sys.executable, "-P", "-m", "toolkit.inside.entry")
REFUSAL = (
    "on the bare host only test-script.sh may run, not a model with a shell on your own account"
)


class LocalRuntime(Supervised):
    """core.ports.Runtime with processes; `program` is what a run executes."""

    name, folder = NAME, "runs"
    limits = Limits(
        timeout=None, credentials_path="a private directory", writable=("the run's own directory",)
    )

    def __init__(
        self, context: Context, *, program: Sequence[str] = ENTRY, grace: float = GRACE
    ) -> None:
        super().__init__(context, grace=grace)
        self._program = program

    def check(self, agent: Agent) -> Sequence[str]:
        return () if agent.script or self._context.environment.local_process else (REFUSAL,)

    def definition(self, agent: Agent, image: str) -> Item:
        """`image` is the directory whose `static/` holds the agent's files.  Raises ConfigError for D22's refusal."""
        if refused := self.check(agent):
            raise _refused(agent.name, refused[0])
        return Item(
            kind="process",
            name=self._context.names.scoped(agent.name),
            attributes={
                "agent": str(agent.name),
                "app": str(Path(image).absolute()),
                "timeout": agent.timeout,
            },
            tags=self._context.names.tags(agent=agent.name),
        )

    def grants(self, agent: Agent) -> tuple[Grant, ...]:
        return ()  # it runs as the user, who may do everything that the user may

    def launch(self, spec: RunSpec) -> RunHandle:
        app = Path(spec.definition)
        script = (app / "static" / "test-script.sh").is_file()
        if not script and not self._context.environment.local_process:
            raise _refused(spec.agent, REFUSAL)
        directory, log = self._places(spec.run)
        identity = _process.start(
            self._program, directory=directory, log=log, env=self._env(spec, app)
        )
        return self._handle(spec.run, identity)

    def _env(self, spec: RunSpec, app: Path) -> dict[str, str]:
        scope, directory = self._context.environment.scope, self._directory(spec.run)
        inherited = {name: os.environ[name] for name in PASSED if name in os.environ}
        return inherited | {
            "HOME": str(directory / "work"),
            "TMPDIR": str(directory / "work"),
            "PYTHONPATH": str(Path(__file__).resolve().parent.parent),
            "PYTHONUNBUFFERED": "1",
            "AL_APP": str(app),
            "AL_AGENT": str(spec.agent),
            "AL_PROJECT": scope.project,
            "AL_ENVIRONMENT": scope.environment,
            "AL_PLATFORM": "local",
            "AL_RUNTIME": NAME,
            "AL_CREDENTIALS_PATH": str(directory / "credentials"),
            "AL_LEDGER": str(self._state / "action-llama.db"),
            "AL_SECRETS": str(self._state / "secrets"),
            "AL_RUN_ID": str(spec.run),
            "AL_SECRET": spec.lease.ref.name,
        }


def _refused(agent: str, why: str) -> ConfigError:
    return ConfigError(
        f"{agent} cannot run here: {why}",
        hint='start Docker, add a test-script.sh, push to a cloud or the sandbox, or set `[local] runtime = "process"` in config.toml',
    )


PLUGIN = LocalRuntime
