"""A stage for the entry point: an application directory, a ledger, a run's secret, and the real process.

Everything is real: SQLite, files, a subprocess of the interpreter that runs the tests.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.core.agent import AgentName
from toolkit.core.environment import Environment, Scope
from toolkit.core.ports import Context
from toolkit.core.run import Mailbox, RunId
from toolkit.core.secrets import Secret
from toolkit.credentials.stores.local_files import LocalFiles
from toolkit.inside.commands.launchers import launchers
from toolkit.inside.prompt import static_prompt
from toolkit.scheduler.ledgers.sqlite import SqliteLedger

REPOSITORY = Path(__file__).parents[2]
DEV = AgentName("dev")
TYPES: Mapping[str, Any] = {
    "github_token": {
        "env": {"GITHUB_TOKEN": "token"},
        "context": "use gh and git",
        "required": ["token"],
    },
    "aws": {
        "env": {
            "AWS_DEFAULT_REGION": "default_region",
            "AWS_SECRET_ACCESS_KEY": "secret_access_key",
        },
        "context": "use aws",
        "required": ["secret_access_key"],
        "secret": ["secret_access_key"],
    },
    "git_ssh": {"env": {}, "context": "clone over SSH", "required": ["id_rsa"]},
}


@dataclass(frozen=True, slots=True)
class Finished:
    """What a process left: exit code, its log lines, and what they say as one text."""

    code: int
    lines: Sequence[Mapping[str, Any]]
    errors: str

    @property
    def output(self) -> list[str]:
        return [line["text"] for line in self.lines if line["msg"] == "output"]

    @property
    def messages(self) -> list[str]:
        return [line["msg"] for line in self.lines]

    @property
    def text(self) -> str:
        return "\n".join(json.dumps(line) for line in self.lines) + self.errors


@dataclass
class Stage:
    """One agent on this machine."""

    root: Path
    agent: AgentName = DEV
    environ: dict[str, str] = field(default_factory=dict)
    lacking: str = ""  # a variable that the container does not get

    def __post_init__(self) -> None:
        for place in (self.static, self.temporary, self.app / "bin"):
            place.mkdir(parents=True)
        self.ledger.prepare()
        self.configure()
        for name, content in launchers().items():
            (self.app / "bin" / name).write_bytes(content)
            (self.app / "bin" / name).chmod(0o755)
        # in an image the code is at /app/lib; here it is the checkout
        (self.app / "lib").symlink_to(REPOSITORY)

    @property
    def app(self) -> Path:
        return self.root / "app"

    @property
    def static(self) -> Path:
        return self.app / "static"

    @property
    def temporary(self) -> Path:
        return self.root / "tmp"

    @property
    def credentials(self) -> Path:
        return self.root / "credentials"

    @property
    def context(self) -> Context:
        environment = Environment(name="local", scope=Scope(project="p", environment="local"))
        return Context(environment=environment, home=self.root / "home", project=self.root)

    @property
    def ledger(self) -> SqliteLedger:
        return SqliteLedger(self.context)

    @property
    def secrets(self) -> LocalFiles:
        return LocalFiles(self.context, root=self.root / "secrets")

    def configure(
        self, *, timeout: int = 60, credentials: Sequence[str] = (), **config: Any
    ) -> None:
        """What push bakes."""
        files = {
            "agent-config.json": json.dumps({"credentials": list(credentials), **config}),
            "credentials.json": json.dumps(
                {t: TYPES[t] for c in credentials if (t := c.split(":")[0]) in TYPES}
            ),
            "SKILL.md": "Be useful.",
            "prompt-static.txt": static_prompt({}, []),
            "timeout": str(timeout),
        }
        for name, text in files.items():
            (self.static / name).write_text(text)

    def script(self, text: str) -> None:
        (self.static / "test-script.sh").write_text(text)

    def new_run(
        self,
        credentials: Mapping[str, str] | None = None,
        prompt: str | None = None,
        **payload: Any,
    ) -> RunId:
        """A run whose secret is waiting for it."""
        run = RunId.new(self.agent)
        body = {
            "credentials": dict(credentials or {}),
            "prompt": prompt,
            "trigger": {"kind": "manual", "source": None, "context": {}},
            "token": "a-run-token-of-its-own",
            "gateway": None,
            **payload,
        }
        self.secrets.put(self.secret_name(run), Secret(json.dumps(body)), tags={"al:run": run})
        return run

    def secret_name(self, run: RunId) -> str:
        return f"al/runs/{run}_"

    def mailbox(self, run: RunId) -> Mailbox:
        return self.ledger.mailbox(run)

    def environment(self, run: RunId | None = None) -> dict[str, str]:
        """Exactly what the container gets, and nothing of the tests' own environment."""
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(self.app / "lib"),
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": str(self.temporary),
            "AL_APP": str(self.app),
            "AL_AGENT": self.agent,
            "AL_PROJECT": "p",
            "AL_ENVIRONMENT": "local",
            "AL_PLATFORM": "local",
            "AL_RUNTIME": "local",
            "AL_CREDENTIALS_PATH": str(self.credentials),
            "AL_LEDGER": str(self.ledger.path),
            "AL_SECRETS": str(self.root / "secrets"),
            "AL_POLL_SECONDS": "0.05",
        }
        named = {"AL_RUN_ID": str(run), "AL_SECRET": self.secret_name(run)} if run else {}
        whole = environ | named | self.environ
        return {name: value for name, value in whole.items() if name != self.lacking}

    def start(self, run: RunId | None = None) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "toolkit.inside.entry"],
            cwd=self.static,
            env=self.environment(run),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def finish(self, process: "subprocess.Popen[bytes]") -> Finished:
        output, errors = process.communicate(timeout=60)
        lines = [json.loads(line) for line in output.splitlines()]
        return Finished(process.returncode, lines, errors.decode())

    def run(self, run: RunId | None = None, **secret: Any) -> Finished:
        """Start it, and wait for its end."""
        return self.finish(self.start(run or self.new_run(**secret)))
