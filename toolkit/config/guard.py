"""Whether a directory is a project at all, said before anything in it is read."""

from pathlib import Path

from toolkit.core.errors import ConfigError

from .agents import ACTIONS, OLD_CONFIG, SKILL, find_agents
from .project_files import CONFIG


def require_project(directory: Path) -> None:
    """Raises ConfigError when `directory` is an agent's, is missing, or holds no project."""
    if not directory.is_dir():
        raise ConfigError(f"there is no directory {directory}", hint="check --project")
    if any((directory / name).exists() for name in (SKILL, OLD_CONFIG, ACTIONS)):
        raise ConfigError(
            f"{directory} is an agent's directory, not a project",
            hint="run `al` in the project's directory, which holds agents/, or name it with -p",
        )
    if find_agents(directory):
        return
    if (directory / CONFIG).exists() or (directory / "agents").is_dir():
        raise ConfigError(
            f"the project in {directory} has no agents",
            hint=f"write one: agents/NAME/{SKILL} with the instructions, config.toml beside it",
        )
    raise ConfigError(
        f"{directory} is not a project: it has no {CONFIG} and no agents",
        hint="make one with `al new NAME`, or name it with -p",
    )
