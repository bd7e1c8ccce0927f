"""The base of every table in the schema: frozen, strict, and known under camelCase and snake_case names.

`Tidier` brings a table as the user wrote it to canonical (camelCase) names before layers are merged, so that
`max_reruns` in one file overrides `maxReruns` in another, and reports what it does not know.
"""

import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel, to_snake

from .origin import Path, dotted
from .problems import Findings, nearest


class Section(BaseModel):
    """A table.  `other_names` are further spellings that stay welcome: theirs -> canonical."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=to_camel,
        allow_inf_nan=False,
        defer_build=True,  # a section that no file has is never built
    )
    other_names: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def spellings(cls) -> dict[str, str]:
        """Every accepted name of every key -> its canonical name."""
        known = {to_snake(name): to for name, to in cls.other_names.items()} | {**cls.other_names}
        for name, info in cls.model_fields.items():
            alias = info.alias or name
            known |= {name: alias, alias: alias}
        return known

    @classmethod
    def table_of(cls, canonical: str) -> "Kind":
        """The section that a key holds, if any, and whether it is a table of such sections by name."""
        for name, info in cls.model_fields.items():
            if (info.alias or name) == canonical:
                return _section_in(info.annotation)
        return None, False


Kind = tuple[type[Section] | None, bool]


def _section_in(annotation: Any) -> Kind:
    for option in (annotation, *typing.get_args(annotation)):
        if isinstance(option, type) and issubclass(option, Section):
            by_name = typing.get_origin(annotation) is Mapping
            return option, by_name
    return None, False


@dataclass(frozen=True)
class Tidier:
    """Brings the tables of one file to canonical names."""

    file: str
    findings: Findings

    def table(
        self, values: Mapping[str, Any], section: type[Section], path: Path = ()
    ) -> dict[str, Any]:
        """`values` under canonical names.  Unknown keys, and keys given in two spellings, become findings."""
        known = section.spellings()
        result: dict[str, Any] = {}
        for key, value in values.items():
            here = dotted((*path, key))
            if (name := known.get(key)) is None:
                self.findings.error(self.file, here, "unknown key", nearest(key, known.values()))
            elif name in result:
                words = f"{name!r} is given twice"
                self.findings.error(self.file, here, words, "keep one of the two spellings")
            else:
                result[name] = self._value(value, section.table_of(name), (*path, name))
        return result

    def _value(self, value: Any, kind: "Kind", path: Path) -> Any:
        section, by_name = kind
        if section is None or not isinstance(value, Mapping):
            return value
        if not by_name:
            return self.table(value, section, path)
        return {
            key: self._value(entry, (section, False), (*path, key)) for key, entry in value.items()
        }
