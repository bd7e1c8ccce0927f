"""A project as tests of hiring write and read it."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.ops.hire.forgejo import ADMIN, ForgeState
from toolkit.core.secrets import Secret
from toolkit.ops.hire import Done, Hiring, Wish, decide, hire, preview

MOMENT = datetime(2026, 11, 21, 12, tzinfo=UTC)
LOCAL = "http://10.0.0.1:8081"


@dataclass(frozen=True, slots=True)
class Shop:
    directory: Path
    home: Path

    def write(self, name: str, text: str) -> None:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def read(self, name: str) -> str:
        return (self.directory / name).read_text(encoding="utf-8")

    @property
    def agents(self) -> Mapping[str, Any]:
        agents: Mapping[str, Any] = tomllib.loads(self.read("config.toml")).get("agents", {})
        return agents

    def with_forge(self, forge: ForgeState) -> None:
        text = f'{self.read("config.toml")}\n[forge]\nurl = "{forge.url}"\nrepo = "acme/app"\n'
        self.write("config.toml", text)

    def hire(
        self, name: str, role: str = "dev", *, moment: datetime = MOMENT, key: str = "", **wish: Any
    ) -> list[Done]:
        """As `al hire`, by an administrator whose token is a variable."""
        return list(hire(self.decided(name, role, key=key, **wish), moment=moment))

    def preview(self, name: str, role: str = "dev", *, key: str = "", **wish: Any) -> list[Done]:
        """As `al hire --dry-run`."""
        return list(preview(self.decided(name, role, key=key, **wish), moment=MOMENT))

    def doing(self, name: str) -> Iterator[Done]:
        """As `al hire`: each thing is told as soon as it is done."""
        return hire(self.decided(name, "dev"), moment=MOMENT)

    def decided(self, name: str, role: str, *, key: str = "", **wish: Any) -> Hiring:
        variables = {"FORGE_ADMIN_PAT": ADMIN} | ({"ANTHROPIC_API_KEY": key} if key else {})
        admin = Secret(wish.pop("admin")) if "admin" in wish else None
        asked = Wish(name=name, role=role, admin=admin, **wish)
        return decide(
            self.directory, asked, variables=variables, asked_server=lambda url, model: ""
        )

    def stored(self, name: str) -> str | None:
        """A credential of this machine, by `type/instance/field`."""
        path = self.home / "credentials" / name
        return path.read_text(encoding="utf-8").strip() if path.exists() else None

    def everything(self) -> dict[str, bytes]:
        """Every file of the project and of the home."""
        roots = (self.directory, self.home)
        files = [path for root in roots for path in root.rglob("*") if path.is_file()]
        return {str(path): path.read_bytes() for path in files}
