"""Going on without the agents that cannot be read: what is wrong with one agent alone does not hold up the others."""

import re
from dataclasses import replace
from pathlib import Path

from toolkit.core.agent import Project

from .lines import line_of, names
from .problems import Findings, Problem

_OWN_FILE = re.compile(r"agents/([^/]+)")


def agent_of(problem: Problem) -> str | None:
    """Whose it is alone: what its directory or its `[agents.<name>]` says; None for the project's."""
    if own := _OWN_FILE.match(problem.file):
        return own[1]
    parts = re.fullmatch(r"agents\.(?P<name>[\w-]+|\"[^\"]*\")(\..*)?", problem.key)
    return parts["name"].strip('"') if parts else None


def without_broken(project: Project, findings: Findings) -> Project:
    """The project without the agents that something is wrong with, which becomes a warning."""
    broken = {agent_of(problem) for problem in findings.errors} - {None}
    findings.forgive(lambda problem: agent_of(problem) is not None)
    kept = tuple(agent for agent in project.agents if str(agent.name) not in broken)
    return replace(project, agents=kept)


def locate(directory: Path, findings: Findings) -> None:
    """Tell of the errors in `[agents.<name>]` on which lines of the project's files they are."""
    shown = {one.file for one in findings.errors if one.key.startswith("agents.")}
    texts = {file: _text(directory / file) for file in shown}
    findings.locate(lambda one: _line(one, texts) if one.key.startswith("agents.") else None)


def _line(problem: Problem, texts: dict[str, str]) -> int | None:
    """None where only `[agents]` itself is found."""
    text = texts.get(problem.file, "")
    return line_of(text, problem.key) if len(names(problem.key)) > 1 else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):  # it was told of already, or is no file
        return ""
