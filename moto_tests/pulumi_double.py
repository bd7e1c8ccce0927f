"""Stands for the Pulumi CLI, which is not to be had where these tests run: a program with its arguments, and no engine.

What the driver does around the engine is tried with it: which commands it gives, in which order, with which settings,
and what it makes of their answers.  That the real CLI answers so is untried.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from infra import versions
from toolkit.core.ports import Context


@dataclass(frozen=True, slots=True)
class Double:
    """One installation of it; `root` is what `[pulumi] root` names."""

    root: Path

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Every call but those for the version: words, variables, settings."""
        path = self.root / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def commands(self) -> list[str]:
        """The first word of each call, and of stacks the first two."""
        words = [[w for w in call["words"] if w != "--non-interactive"] for call in self.calls]
        return [" ".join(w[: 2 if w[0] in ("stack", "plugin") else 1]) for w in words]

    @property
    def stacks(self) -> list[str]:
        return [path.name for path in (self.root / "stacks").iterdir()]

    def has(
        self,
        *stacks: str,
        state: Iterable[Mapping[str, Any]] = (),
        unfinished: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        """These stacks are there, with these resources in their state, and these that were being made."""
        for name in stacks:
            (self.root / "stacks" / name).touch()
        pending = [{"type": "creating", "resource": dict(each)} for each in unfinished]
        deployment = {"resources": list(state), "pending_operations": pending}
        exported = {"version": 3, "deployment": deployment}
        (self.root / "state.json").write_text(json.dumps(exported))

    def plays(self, *events: Mapping[str, Any]) -> None:
        """Its engine says so at the next updates."""
        (self.root / "events.jsonl").write_text("".join(json.dumps(e) + "\n" for e in events))

    def fails(self, message: str) -> None:
        """Updates and downloads end so."""
        (self.root / "failure").write_text(message)

    def hangs(self) -> None:
        """Updates go on until they are interrupted, and leave a file that says so."""
        (self.root / "hangs").touch()

    def is_locked(self, host: str, pid: int) -> None:
        """As Pulumi's pkg/backend/diy/lock.go tells it."""
        (self.root / "lock").write_text(
            "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete "
            f"the lock file with `pulumi cancel`.\n  s3://b/x.json: created by ci@{host} (pid {pid}) at 2026-11-20T12:00:00Z"
        )


def installed(root: Path, version: str = "v3.200.0") -> Double:
    """A double in `root`, with an empty state and nothing to say.  Up to 3.205 events come in a file, which it can
    write; later ones speak gRPC."""
    (root / "bin").mkdir(parents=True)
    (root / "stacks").mkdir()
    source = Path(__file__).with_name("pulumi_program.py").read_text(encoding="utf-8")
    program = root / "bin" / "pulumi"
    program.write_text(f"#!{sys.executable} -I\n{source}", encoding="utf-8")
    program.chmod(0o755)
    (root / "version").write_text(version)
    double = Double(root)
    double.has()
    double.plays()
    return double


def settings(context: Context, **pulumi: str) -> Context:
    """The environment with these settings in its `[pulumi]` besides."""
    chosen = {**context.environment.pulumi, **pulumi}
    return replace(context, environment=replace(context.environment, pulumi=chosen))


def with_provider(home: Path) -> Path:
    """A directory of Pulumi's that has the providers already."""
    for package in ("aws", "gcp"):
        place = home / "plugins" / f"resource-{package}-v{versions.provider(package)}"
        place.mkdir(parents=True)
    return home


def resource(token: str, name: str, **more: Any) -> dict[str, Any]:
    """One resource of a state, as `pulumi stack export` writes it."""
    urn = f"urn:pulumi:staging::shop::al:aws:X${token}::{name}"
    return {"urn": urn, "type": token, "id": name, "custom": True, **more}
