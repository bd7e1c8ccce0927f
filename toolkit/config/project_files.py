"""Which files speak for a project and an environment, and the layers that they make.

Lowest first: config.toml, .env.toml, <project>/environments/<name>.toml, <home>/environments/<name>.toml, and
the text in AL_ENVIRONMENT_TOML.  Reads and tidies; validates nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .files import parse_toml, read_toml
from .moved import modernise
from .origin import Layer
from .problems import Findings
from .schema import Config
from .section import Tidier

CONFIG, LOCAL_CONFIG, ENVIRONMENT_TEXT = "config.toml", ".env.toml", "AL_ENVIRONMENT_TOML"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where to look for an environment's files, and the variables of the process."""

    directory: Path
    home: Path
    variables: Mapping[str, str]

    def environment_files(self, name: str) -> tuple[tuple[str, Path], ...]:
        """(name in messages, path), lowest first, whether they exist or not."""
        file = Path("environments") / f"{name}.toml"
        return (str(file), self.directory / file), (str(self.home / file), self.home / file)

    def known_environments(self) -> tuple[str, ...]:
        """The environments that have a file, sorted."""
        folders = (self.directory / "environments", self.home / "environments")
        return tuple(sorted({file.stem for folder in folders for file in folder.glob("*.toml")}))


def project_layers(directory: Path, findings: Findings) -> list[Layer]:
    """config.toml and .env.toml; a missing one is no layer.  Raises ConfigErrors where one cannot be read: whatever seems
    to be missing elsewhere may stand in it."""
    layers = []
    for name in (CONFIG, LOCAL_CONFIG):
        values = read_toml(directory / name, name=name, findings=findings)
        if values:
            layers.append(_tidied(name, values, findings))
    findings.raise_unread()
    return layers


def environment_layers(
    places: Places, name: str, findings: Findings, *, text: bool = True
) -> list[Layer]:
    """The environment's own layers.  `text`: whether AL_ENVIRONMENT_TOML may speak for it."""
    layers = []
    for shown, path in places.environment_files(name):
        if path.exists():
            values = read_toml(path, name=shown, findings=findings)
            layers.append(_tidied(shown, values, findings))
    if text and (given := places.variables.get(ENVIRONMENT_TEXT)):
        values = parse_toml(given, name=ENVIRONMENT_TEXT, findings=findings)
        layers.append(_tidied(ENVIRONMENT_TEXT, values, findings))
    for layer in layers:
        _refuse_misplaced(layer, findings)
    return layers


def _tidied(name: str, values: Mapping[str, Any], findings: Findings) -> Layer:
    modern = modernise(values, file=name, findings=findings)
    return Layer(name=name, values=Tidier(name, findings).table(modern, Config))


def _refuse_misplaced(layer: Layer, findings: Findings) -> None:
    for key, home in (
        ("name", CONFIG),
        ("projectName", LOCAL_CONFIG),
        ("environment", LOCAL_CONFIG),
    ):
        if key in layer.values:
            findings.error(
                layer.name, key, "does not belong in an environment file", f"move it to {home}"
            )


def one_place(
    project: list[Layer], own: list[Layer], findings: Findings, *, elsewhere: bool
) -> list[Layer]:
    """All layers, of which at most one kind says where the environment is.

    Older projects describe their cloud in config.toml: it counts when the environment's own files name none.
    `elsewhere`: the environment is built in, so that nothing in the project says where it is.
    """
    named = {key for layer in own for key in ("cloud", "server") if key in layer.values}
    if len(named) == 2:
        file = next(layer.name for layer in reversed(own) if "server" in layer.values)
        findings.error(file, "server", "stands beside [cloud]", "keep one of the two tables")
    unused = elsewhere or bool(named)
    for layer in (layer for layer in project if "cloud" in layer.values):
        use = "is not used here" if unused else "is used"
        words = f"{use}, but describes an environment"
        findings.warn(layer.name, "cloud", words, "move it to environments/<name>.toml")
    return [*(_without_place(layer) if unused else layer for layer in project), *own]


def _without_place(layer: Layer) -> Layer:
    kept = {key: value for key, value in layer.values.items() if key not in ("cloud", "server")}
    return replace(layer, values=kept)
