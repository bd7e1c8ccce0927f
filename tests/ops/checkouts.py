"""A project in a git repository, as CI's tests need it."""

import subprocess
from pathlib import Path

CLOUD = '[cloud]\nprovider = "ecs"\naccountId = "123456789012"\nregion = "eu-central-1"\n'
ENVIRONMENT = f'{CLOUD}[images]\nbase = "registry.example.com/base:1"\n'


def git(place: Path, *words: str) -> None:
    """Run git there, without anybody's own configuration."""
    quiet = {"PATH": "/usr/bin:/bin", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}  # fmt: skip
    subprocess.run(["git", "-C", str(place), *words], check=True, capture_output=True, env=quiet)


def project(directory: Path) -> Path:
    """`shop` with one agent and the environment `production`, in no repository."""
    agent = directory / "agents" / "hello"
    agent.mkdir(parents=True)
    (agent / "SKILL.md").write_text("Work.")
    (agent / "config.toml").write_text("")
    (agent / "test-script.sh").write_text("true\n")
    (directory / "config.toml").write_text('name = "shop"\n')
    (directory / "environments").mkdir()
    (directory / "environments" / "production.toml").write_text(ENVIRONMENT)
    return directory


def repository(root: Path, origin: str = "https://github.com/octo/shop.git") -> Path:
    """A git repository there whose index has every file."""
    git(root, "init", "--initial-branch", "main")
    git(root, "remote", "add", "origin", origin)
    git(root, "add", ".")
    return root
