"""Letting CI push: the workflow file, and what a person has to do once so that it works.

Reads the project, its environment and its git repository, and writes one file.  Talks to no cloud and not to GitHub:
`al` grants nothing to whoever runs it.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit import wiring
from toolkit.config import load as config
from toolkit.core.errors import AlreadyExists, UsageError
from toolkit.ops.ci import checkout
from toolkit.ops.ci import view as ci_view
from toolkit.ops.ci.github_actions import Deployment, workflow
from toolkit.ops.ci.next_steps import steps, trusts
from toolkit.ops.ci.step import Step
from toolkit.ops.ci.wish import FILE, NAME, Wish, deployment

__all__ = ["FILE", "Wish", "Written", "github"]

_FILE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*\.ya?ml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The file, what became of it (created, replaced or unchanged), and what is left to do."""

    path: Path
    outcome: str
    deployment: Deployment
    warnings: tuple[str, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        return steps(self.deployment)

    def to_dict(self) -> dict[str, Any]:
        d = self.deployment
        return {
            "workflow": str(self.path),
            "outcome": self.outcome,
            "repository": d.repository.path,
            "branch": d.branch,
            "environment": d.environment,
            "role": d.role,
            "plan_role": d.plan_role,
            "provider": d.provider,
            "trust": trusts(d),
            "steps": [step.to_dict() for step in self.steps],
            "warnings": list(self.warnings),
        }


def github(directory: Path, wish: Wish) -> Written:
    """Write the workflow of GitHub Actions.  Raises UsageError, ConfigError, AlreadyExists, AlError."""
    here = config.load(directory.resolve(), wish.env, home=wiring.home(), variables=os.environ)
    project = here[0]
    place = checkout.find(project.directory)
    inside = place.directory if place else "."
    made = deployment(wiring.services(*here), wish, directory=inside)
    path = _place(place.root if place else project.directory, wish.file)
    warnings = list(_doubts(made, wish))
    if place:
        warnings += ci_view.unseen(here, made.repository.name, inside)
    outcome = _write(path, workflow(made), force=wish.force)
    return Written(path=path, outcome=outcome, deployment=made, warnings=tuple(warnings))


def _doubts(made: Deployment, wish: Wish) -> Iterator[str]:
    if wish.install is None and "==" in made.install:
        yield (
            f"CI will install {made.install}; no index is known to have {NAME}: "
            "say with --install where pip finds it"
        )
    elif "[" not in made.install and not made.install.startswith("-r "):
        cloud = "gcp" if made.provider else "aws"
        yield f"CI needs the extras {cloud} and infra of al-toolkit, and --install names none"


def _place(root: Path, file: str) -> Path:
    if not _FILE.fullmatch(file):
        raise UsageError(
            f"--file {file!r} is not the name of a workflow",
            hint="write a name that ends in .yml; it is put into .github/workflows",
        )
    return root / ".github" / "workflows" / file


def _write(path: Path, text: str, *, force: bool) -> str:
    there = path.read_text(encoding="utf-8") if path.exists() else None
    if there == text:
        return "unchanged"
    if there is not None and not force:
        raise AlreadyExists(
            f"{path} is there and says something else",
            hint="--force replaces it; --file al-deploy-NAME.yml keeps it beside the new one",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return "created" if there is None else "replaced"
