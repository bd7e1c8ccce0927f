"""The door to the user's files: a project directory and an environment, read, merged, validated and made values.

Everything that is wrong is reported at once (ConfigErrors).  Reads files only; reaches no network and no store.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from toolkit.core.agent import Project
from toolkit.core.environment import Environment

from .environments import (
    BUILT_IN,
    LOCAL,
    SANDBOXES,
    EnvironmentReader,
    choose_environment,
    require_known,
    sandbox_state,
    unused_in,
)
from .guard import require_project
from .hired import check_polls
from .keep_going import locate, without_broken
from .origin import DEFAULT, Layer, Merged, Setting
from .problems import Findings
from .project import ProjectRead, read_project, with_defaults
from .project_files import (
    CONFIG,
    LOCAL_CONFIG,
    Places,
    environment_layers,
    one_place,
    project_layers,
)
from .project_name import project_name
from .schema import Config
from .validate import validated


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A project and an environment, and `settings`, which knows where each value is from."""

    project: Project
    environment: Environment
    settings: Merged


def load_project(directory: Path) -> Project:
    """The project of config.toml and .env.toml, for no environment in particular.  Raises ConfigError."""
    require_project(directory)
    findings = Findings()
    read = read_project(directory, project_layers(directory, findings), findings)
    return _finished(read, findings)


def load(
    directory: Path,
    environment: str | None,
    *,
    home: Path,
    variables: Mapping[str, str],
    sandbox: Mapping[str, Any] | None = None,
    keep_going: bool = False,
) -> tuple[Project, Environment]:
    """Project and environment; `environment` is the flag's value, if it was given.  Raises ConfigError.

    `sandbox` is the state of the running sandbox; without it, what `<home>/sandbox/state.json` says.  `keep_going`:
    without the agents that something is wrong with, which the project's warnings tell.
    """
    loaded = load_all(
        directory,
        environment,
        home=home,
        variables=variables,
        sandbox=sandbox,
        keep_going=keep_going,
    )
    return loaded.project, loaded.environment


def load_environment(
    directory: Path, environment: str | None, *, home: Path, variables: Mapping[str, str]
) -> Environment:
    """The environment alone, for what works from an account: agents may be missing, or as wrong as they like.

    Raises ConfigError for what is wrong with the settings, and where there are none at all.
    """
    if not any((directory / name).is_file() for name in (CONFIG, LOCAL_CONFIG)):
        require_project(directory)
    places = Places(directory=directory, home=home, variables=variables)
    name, _ = choose_environment(environment, variables, directory)
    findings = Findings()
    merged = with_defaults(_layers(places, name, findings))
    reader = EnvironmentReader(
        config=validated(Config, merged, findings), merged=merged, findings=findings
    )
    sandbox = sandbox_state(home) if name in SANDBOXES else {}
    found = reader.read(name, project_name(merged, directory, findings), sandbox)
    findings.raise_errors()
    return found


def load_all(
    directory: Path,
    environment: str | None,
    *,
    home: Path,
    variables: Mapping[str, str],
    sandbox: Mapping[str, Any] | None = None,
    keep_going: bool = False,
) -> Loaded:
    """As `load`, with the settings' origins.  Raises ConfigError."""
    require_project(directory)
    places = Places(directory=directory, home=home, variables=variables)
    name, _ = choose_environment(environment, variables, directory)
    findings = Findings()
    layers = _layers(places, name, findings)
    read = read_project(directory, layers, findings, models_required=name != LOCAL)
    if sandbox is None:
        sandbox = sandbox_state(home) if name in SANDBOXES else {}
    reader = EnvironmentReader(config=read.config, merged=read.merged, findings=findings)
    found = reader.read(name, read.project.name, sandbox)
    if found.cloud is not None:
        check_polls(read.project.agents, findings)
    locate(directory, findings)
    if keep_going:
        read = replace(read, project=without_broken(read.project, findings))
    return Loaded(project=_finished(read, findings), environment=found, settings=read.merged)


def explain(
    directory: Path, environment: str | None, *, home: Path, variables: Mapping[str, str]
) -> list[Setting]:
    """The effective settings with their origins, as far as the files can be read; no value is checked.

    So that an environment can be shown whose placeholders are still to be filled.  Raises ConfigError.
    """
    places = Places(directory=directory, home=home, variables=variables)
    name, _ = choose_environment(environment, variables, directory)
    findings = Findings()
    layers = _layers(places, name, findings)
    findings.raise_errors()
    return [_told(name, setting) for setting in with_defaults(layers).explain()]


def _told(name: str, setting: Setting) -> Setting:
    if unused_in(name, setting.key) and setting.origin != DEFAULT:
        return replace(setting, origin=f"{setting.origin} (not used in a sandbox)")
    return setting


def _layers(places: Places, name: str, findings: Findings) -> list[Layer]:
    """All layers of an environment, lowest first.  Raises ConfigError when there is no such environment."""
    require_known(name, places)
    built_in = name in BUILT_IN
    own = environment_layers(places, name, findings, text=not built_in)
    project = project_layers(places.directory, findings)
    return one_place(project, own, findings, elsewhere=built_in)


def _finished(read: ProjectRead, findings: Findings) -> Project:
    findings.raise_errors()
    return replace(read.project, warnings=findings.warnings)
