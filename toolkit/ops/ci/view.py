"""What a job of CI will not see: it has the files that git has, no home directory of yours and none of your variables.

Loads the project once more, from a copy of just those files.  Changes nothing and asks nobody but git.
"""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path

from toolkit.config import load as config
from toolkit.config.problems import ConfigErrors
from toolkit.core.agent import Project
from toolkit.core.environment import AwsCloud, Cloud, Environment
from toolkit.core.errors import ConfigError
from toolkit.ops.ci import checkout

Pair = tuple[Project, Environment]


def unseen(here: Pair, repository: str, directory: str) -> tuple[str, ...]:
    """What differs for CI from `here`, one sentence each with its remedy; empty when it sees the same."""
    project, environment = here
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / repository / directory
        copy.mkdir(parents=True)
        for file in checkout.tracked(project.directory):
            (copy / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(project.directory / file, copy / file)
        try:
            there = config.load(copy, environment.name, home=Path(place) / "home", variables={})
        except ConfigErrors as errors:
            return tuple(f"CI will refuse the project: {problem}" for problem in errors.problems)
        except ConfigError as error:
            return (_refused(project.directory, environment.name, error),)
    return tuple(_different(here, there))


def _refused(directory: Path, name: str, error: ConfigError) -> str:
    file = Path("environments") / f"{name}.toml"
    if not (directory / file).exists():
        return f"CI has no home directory of yours: write {file} in the project and commit it (it holds no secret)"
    if file not in checkout.tracked(directory):
        return f"git does not know {file}: `git add` it, so that CI has it (it holds no secret)"
    return f"CI will refuse the project: {error.message} → {error.hint}"


def _different(here: Pair, there: Pair) -> Iterator[str]:
    if here[0].name != there[0].name:
        yield (
            f"CI will call the project {there[0].name!r}, here it is {here[0].name!r}: "
            "set `name` in config.toml"
        )
    mine, theirs = here[1].cloud, there[1].cloud
    if mine is None or type(mine) is not type(theirs):
        yield f"CI will not find the environment {here[1].name} in its cloud: its file in the project says otherwise"
        return
    if isinstance(theirs, AwsCloud) and theirs.profile:
        yield (
            f"CI has no AWS profile {theirs.profile!r}: move `profile` from the project's file "
            f"to ~/.action-llama/environments/{here[1].name}.toml"
        )
    yield from _pulumi(there[1].pulumi)
    yield from _settings(mine, theirs)
    if here[1].images != there[1].images or here[1].pulumi != there[1].pulumi:
        yield "CI will see other settings in [images] or [pulumi]: commit those that it should use"


def _settings(mine: Cloud, theirs: Cloud | None) -> Iterator[str]:
    compared = [f.name for f in fields(mine) if f.name != "profile"]
    names = [name for name in compared if getattr(mine, name) != getattr(theirs, name)]
    if names:
        words = ", ".join(name.replace("_", " ") for name in names)
        yield f"CI will see other settings in [cloud] ({words}): commit those that it should use"


def _pulumi(settings: Mapping[str, str]) -> Iterator[str]:
    """What a directory, a path and a passphrase are in a job: lost, not there, and one more secret."""
    backend = settings.get("backend", "s3://")
    if "://" not in backend or backend.startswith("file://"):
        yield f"the Pulumi backend {backend!r} is a directory, lost with the job: name a bucket, or none"
    if root := settings.get("root"):
        yield f"CI has no Pulumi in {root!r}: move `root` of [pulumi] out of the project's file"
    if settings.get("secretsProvider") == "passphrase":
        yield (
            "CI will need the passphrase of Pulumi's state in PULUMI_CONFIG_PASSPHRASE: "
            "with secretsProvider = 'awskms://...' it needs none"
        )
