"""Whether an Ollama server has the model that is wanted, and what can be done when it has not."""

from collections.abc import Sequence

from toolkit.core.errors import NotFound
from toolkit.llm.ollama_server import Installed, OllamaServer

# of what is most often asked for, so that nobody is surprised: https://ollama.com/library
SIZES = {
    "qwen2.5-coder:7b": "4.7 GB",
    "llama3.2:3b": "2.0 GB",
    "deepseek-coder-v2:16b": "8.9 GB",
    "codellama:13b": "7.4 GB",
}
LATEST = ":latest"


class ModelMissing(NotFound):
    """The server does not have it."""

    def __init__(self, server: OllamaServer, name: str, installed: Sequence[str]) -> None:
        has = ", ".join(installed) or "none at all"
        super().__init__(
            f"the Ollama server at {server.url} has no model {name}; it has {has}",
            hint=_ways(name, installed),
        )
        self.server, self.name = server, name


def present(server: OllamaServer, name: str, *, compatible: bool = False) -> str:
    """The name under which it is there; with `compatible` that of another size of the same family.

    Raises ModelMissing, and Unreachable."""
    installed = server.models()
    names = [one.name for one in installed]
    if name in names or f"{name}{LATEST}" in names:
        return name
    if compatible and (other := _relative(name, installed)):
        return other
    raise ModelMissing(server, name, names)


def about(name: str) -> str:
    """Its size, in words, where that is known beforehand."""
    return f"about {SIZES[name]}" if name in SIZES else "of a size that shows when it begins"


def family(name: str) -> str:
    return name.partition(":")[0]


def _relative(name: str, installed: Sequence[Installed]) -> str | None:
    """Of several the largest: it comes nearest to what was tested with."""
    same = [one for one in installed if family(one.name) == family(name)]
    return max(same, key=lambda one: (one.size, one.name)).name if same else None


def _ways(name: str, installed: Sequence[str]) -> str:
    ways = [f"`al llm pull {name}` ({about(name)})"]
    if any(family(other) == family(name) for other in installed):
        ways.append("--allow-compatible takes the other tag")
    if installed:
        ways.append(f"another model: --llm-model {installed[0]}, or `al config set llm.model`")
    return "; ".join(ways)
