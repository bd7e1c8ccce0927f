"""An agent's or a project's own Dockerfile, and the one that we write.  Pure.

`FROM al-agent` means what every agent is built upon; the files that `al` makes come last, so a Dockerfile can take nothing
of them away.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.core.errors import ConfigError

WORD = "al-agent"  # how a Dockerfile names the base: with any tag, or none
LAYER = ".al-layer.tar.gz"  # in the build's context
_FROM = re.compile(
    r"^(?P<before>\s*FROM\s+(?:--\S+\s+)*)(?P<image>\S+)(?P<after>(?:\s+AS\s+(?P<name>\S+))?\s*)$",
    re.IGNORECASE,
)


def rebased(text: str, base: str, *, where: str) -> str:
    """`text` with `base` wherever it says `FROM al-agent`.

    Raises ConfigError when its last stage does not stand upon it: what runs would lack the entry point's Python.
    """
    lines, stands = text.splitlines(), set[str]()
    last = False
    for at, line in enumerate(lines):
        if not (found := _FROM.match(line)):
            continue
        named = found["image"].partition(":")[0].lower()
        last = named == WORD or found["image"].lower() in stands
        if last and found["name"]:
            stands.add(found["name"].lower())
        if named == WORD:
            lines[at] = f"{found['before']}{base}{found['after']}"
    if not last:
        raise ConfigError(
            f"{where} is not built upon {WORD}", hint=f"begin its last stage with `FROM {WORD}`"
        )
    return "\n".join(lines) + "\n"


def is_bare(text: str) -> bool:
    """Whether it does nothing but name its base."""
    lines = (line.strip() for line in text.splitlines())
    return all(not line or line.startswith("#") or bool(_FROM.match(line)) for line in lines)


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
