"""The project that somebody is hired into, as far as hiring needs it: its settings, its config.toml, this machine's stores.

Agents that are wrong, or not there yet, do not matter: the first agent of a project may be a hired one.
"""

from dataclasses import dataclass
from pathlib import Path

from toolkit import wiring
from toolkit.config.environments import LOCAL, EnvironmentReader
from toolkit.config.files import read_text
from toolkit.config.keep_going import agent_of, locate
from toolkit.config.problems import Findings
from toolkit.config.project import with_defaults
from toolkit.config.project_files import CONFIG, project_layers
from toolkit.config.project_name import project_name
from toolkit.config.schema import Config
from toolkit.config.validate import validated
from toolkit.core.errors import ConfigError
from toolkit.wiring import Services

from .vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`text` is config.toml as it is; `config` what all of the project's files say."""

    directory: Path
    services: Services
    config: Config
    text: str

    def vault(self, agent: str) -> Vault:
        return Vault(self.services.local_store, self.services.hire_store, agent)


def place(directory: Path, agent: str) -> Place:
    """Raises ConfigError for what is no project, and for settings that are wrong, other agents' sections left out."""
    if not (directory / CONFIG).is_file():
        raise ConfigError(
            f"{directory} is not a project: it has no {CONFIG}",
            hint="make one with `al new NAME`, or name it with -p",
        )
    findings = Findings()
    merged = with_defaults(project_layers(directory, findings))
    config = validated(Config, merged, findings)
    reader = EnvironmentReader(config=config, merged=merged, findings=findings)
    environment = reader.read(LOCAL, project_name(merged, directory, findings), {})
    locate(directory, findings)
    findings.forgive(lambda problem: agent_of(problem) not in (None, agent))
    findings.raise_errors()
    return Place(
        directory=directory,
        services=wiring.services(None, environment, directory=directory),
        config=config,
        text=read_text(directory / CONFIG, name=CONFIG, findings=findings),
    )
