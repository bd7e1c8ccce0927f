"""What is about to be done, and one thing of it: the values of hiring.  Nothing is read or written here."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from toolkit.core.agent import AgentName
from toolkit.core.secrets import Secret

from .forge import Forge
from .formula import Formula
from .place import Place
from .rotation import Bot
from .vault import TYPE


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One thing, where it is written, and a word for what became of it, or of what will become of it."""

    what: str
    where: str
    how: str

    def __str__(self) -> str:
        return f"{self.what}: {self.how}, {self.where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hiring:
    """What is about to be done.  `forge` is None where the project has none; `key` where no key is to be stored."""

    name: AgentName
    place: Place
    formula: Formula
    named: bool  # whether the formula was
    text: str  # of config.toml, as it is to be
    bot: Bot
    forge: Forge | None = None
    admin: str = ""  # where the administrator is from
    key: Secret | None = None
    hosted: bool = False
    keep: timedelta | None = None
    trouble: str = ""  # with the model server

    @property
    def directory(self) -> Path:
        return self.place.directory / "agents" / self.name

    @property
    def credential(self) -> str:
        """That of its account, as its file declares it."""
        return f"{TYPE}:{self.name}"
