"""A run's credentials: from its one secret into private files, variables, and out again.

Only what the agent declares is let through (`credentials.json`, baked into the image); model keys travel in the
same secret and never come this way.  Values leave their `Secret` here.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from toolkit.core.agent import CredentialRef
from toolkit.core.errors import CredentialError
from toolkit.core.secrets import Secret

from . import git


@dataclass(frozen=True, slots=True)
class Credentials:
    """The declared credentials of one run, in the order of their declaration.

    `types` is `credentials.json`; `values` is `<type>/<instance>/<field>` -> value.
    """

    declared: tuple[CredentialRef, ...]
    types: Mapping[str, Mapping[str, Any]]
    values: Mapping[str, Secret]

    def missing(self) -> list[str]:
        """Required fields without a value, as `<type>/<instance>/<field>`."""
        return [
            path
            for ref in self._injected()
            for field in self.types[ref.type].get("required", ())
            if not self.values.get(path := f"{ref.type}/{ref.instance}/{field}")
        ]

    def write(self, root: Path) -> None:
        """One file per field, mode 0400 in directories of 0700.  Raises CredentialError on a path that is none."""
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for ref in self._injected():
            for field, value in self._fields(ref).items():
                file = root / ref.type / ref.instance / _checked(field)
                for directory in (file.parent.parent, file.parent):
                    directory.mkdir(mode=0o700, exist_ok=True)
                file.touch(mode=0o600)
                file.write_text(value.reveal(), "utf-8")
                file.chmod(0o400)

    def environment(self, environ: Mapping[str, str], home: Path) -> dict[str, str]:
        """The variables to add to `environ`.

        The first declared instance of a type gets the type's variables; a further one gets them with its own
        name behind: `GITHUB_TOKEN__WORK`.
        """
        added: dict[str, str] = {}
        seen: set[str] = set()
        for ref in self._injected():
            found = self._variables(ref, home)
            if ref.type in seen:
                found = {f"{name}__{suffix(ref.instance)}": v for name, v in found.items()}
            added |= found
            seen.add(ref.type)
        return added | git.helper(dict(environ) | added)

    def secret_fields(self) -> list[str]:
        """Of the files, by `<type>/<instance>/<field>`, those that must not be printed."""
        paths = (f"{r.type}/{r.instance}/{f}" for r in self._injected() for f in self._fields(r))
        return [path for path in paths if _is_secret(path, self.types)]

    def _injected(self) -> Iterator[CredentialRef]:
        return (ref for ref in self.declared if ref.type in self.types)

    def _fields(self, ref: CredentialRef) -> dict[str, Secret]:
        prefix = f"{ref.type}/{ref.instance}/"
        return {p.removeprefix(prefix): v for p, v in self.values.items() if p.startswith(prefix)}

    def _variables(self, ref: CredentialRef, home: Path) -> dict[str, str]:
        fields = {name: value.reveal() for name, value in self._fields(ref).items()}
        wanted: Mapping[str, str] = self.types[ref.type].get("env", {})
        found = {name: fields[field] for name, field in wanted.items() if field in fields}
        if ref.type in ("git_ssh", "forge_bot"):
            found |= git.identity(fields) | git.ssh(fields, home, ref.instance)
        return found


def hidden(
    values: Mapping[str, Secret], types: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
) -> list[str]:
    """Of `values`, by `<type>/<instance>/<field>`, those that must not be printed.

    That is every one but the fields which `types` knows to be no secret: a region or a name would blot out half of
    the log.  A type from an image that does not say which are secret has only secrets, and so has a model's key.
    """
    return [value.reveal() for path, value in values.items() if _is_secret(path, types)]


def _is_secret(path: str, types: Mapping[str, Mapping[str, Any]]) -> bool:
    kind, _, field = path.split("/", 2)
    secret = types.get(kind, {}).get("secret")
    return secret is None or field in secret


def _checked(field: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", field):
        raise CredentialError(
            "the run's secret has a field whose name is no file name",
            hint="rename the field with `al creds`",
        )
    return field


def suffix(instance: str) -> str:
    """What ends the names of variables of a further instance of a type, behind two underscores."""
    return re.sub(r"[^A-Za-z0-9]", "_", instance).upper()
