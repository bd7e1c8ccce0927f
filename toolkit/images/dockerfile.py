"""An agent's or a project's own Dockerfile, and the one that we write.  Pure.

`FROM al-agent` means what every agent is built upon; the files that `al` makes come last, so a Dockerfile can take nothing
of them away.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from toolkit.core.errors import ConfigError

from .dockerfile_lines import Instruction, instructions

WORD = "al-agent"  # how a Dockerfile names the base: with any tag, or none
LAYER = ".al-layer.tar.gz"  # in the build's context
_FROM = re.compile(
    r"(?P<flags>(?:--\S+\s+)*)(?P<image>\S+)(?:\s+AS\s+(?P<name>\S+))?", re.IGNORECASE
)
_ARGUMENT = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<quote>[\"']?)(?P<value>.*?)(?P=quote)")
_VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)(?::?-(?P<default>[^}]*))?\}|(?P<plain>\w+))")
_COPIED = re.compile(r"(?P<before>\bfrom=)(?P<image>[^\s,]+)")


@dataclass
class _Stages:
    """What has been read of a Dockerfile: its arguments, its stages' names, those that stand upon the base."""

    arguments: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    standing: set[str] = field(default_factory=set)
    last: bool = False

    def is_base(self, image: str) -> bool:
        """A stage of the Dockerfile's own wins over the word."""
        named = self._filled(image)
        name = named.partition("@")[0].partition(":")[0].lower()
        return name == WORD and named.lower() not in self.names

    def begin(self, image: str, name: str | None) -> None:
        self.last = self.is_base(image) or self._filled(image).lower() in self.standing
        if name:
            self.names.add(name.lower())
            (self.standing.add if self.last else self.standing.discard)(name.lower())

    def argue(self, rest: str) -> None:
        """ARG before the first stage, which alone counts in FROM
        (https://docs.docker.com/reference/dockerfile/#understand-how-arg-and-from-interact)."""
        if found := _ARGUMENT.fullmatch(rest):
            self.arguments[found["name"]] = found["value"]

    def _filled(self, image: str) -> str:
        def value(found: re.Match[str]) -> str:
            name = found["braced"] or found["plain"]
            return self.arguments.get(name) or found["default"] or ""

        return _VARIABLE.sub(value, image)


def rebased(text: str, base: str, *, where: str) -> str:
    """`text` with `base` wherever it takes `al-agent`: in FROM, in COPY --from and in RUN --mount.

    Raises ConfigError when its last stage does not stand upon it: what runs would lack the entry point's Python.
    """
    lines, seen = text.removeprefix("\ufeff").splitlines(), _Stages()
    written, done, begun = list[str](), 0, False
    for one in instructions(lines):
        written += lines[done : one.first]
        written += _written(one, lines, base, seen, begun=begun)
        done, begun = one.end, begun or one.word == "FROM"
    if not seen.last:
        raise ConfigError(
            f"{where} is not built upon {WORD}", hint=f"begin its last stage with `FROM {WORD}`"
        )
    return "\n".join([*written, *lines[done:]]) + "\n"


def _written(
    one: Instruction, lines: Sequence[str], base: str, seen: _Stages, *, begun: bool
) -> Sequence[str]:
    """Its lines, which are its own where it does not take the base."""
    own = lines[one.first : one.end]
    if one.word == "FROM" and (found := _FROM.fullmatch(one.rest)):
        ours = seen.is_base(found["image"])
        seen.begin(found["image"], found["name"])
        return [_swapped(line, found["image"], base) for line in own] if ours else own
    if one.word == "ARG" and not begun:
        seen.argue(one.rest)
    if one.word in ("COPY", "RUN") and any(seen.is_base(f["image"]) for f in _flags(one)):
        return [_copied(line, base, seen) for line in own]
    return own


def _swapped(line: str, image: str, base: str) -> str:
    """The rest of the line stays as it is written; a comment between its lines is none of it."""
    if line.lstrip().startswith("#"):
        return line
    return re.sub(rf"(?<!\S){re.escape(image)}(?!\S)", lambda _: base, line, count=1)


def _flags(one: Instruction) -> Sequence[re.Match[str]]:
    """Where an instruction's flags name an image: they stand before all else."""
    flags = re.match(r"(?:--\S+\s+)*", one.rest)
    return list(_COPIED.finditer(flags[0] if flags else ""))


def _copied(line: str, base: str, seen: _Stages) -> str:
    def named(found: re.Match[str]) -> str:
        return f"{found['before']}{base}" if seen.is_base(found["image"]) else found[0]

    return _COPIED.sub(named, line, count=1)


def is_bare(text: str) -> bool:
    """Whether it does nothing but name its base."""
    return all(one.word in ("FROM", "ARG") for one in instructions(text.splitlines()))


def finished(text: str, config: Mapping[str, Any]) -> str:
    """`text`, the layer, and the settings of an agent's image, whatever was set before."""
    words = [f"ADD {LAYER} /", *(f"ENV {_pair(pair)}" for pair in config["Env"])]
    words += [f"WORKDIR {config['WorkingDir']}", f"USER {config['User']}"]
    words += [f"ENTRYPOINT {_list(config['Entrypoint'])}", "CMD []"]
    return text.rstrip("\n") + "\n" + "\n".join(words) + "\n"


def _pair(pair: str) -> str:
    """PATH keeps what the Dockerfile has put on it."""
    name, _, value = pair.partition("=")
    if name == "PATH":
        value = f"{value.partition(':')[0]}:$PATH"
    return f'{name}="{value}"'


def _list(words: Sequence[str]) -> str:
    return json.dumps(list(words))
