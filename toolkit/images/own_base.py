"""The base image of our own, as a builder gets it: a Dockerfile, pinned libraries, and the toolkit's part that runs inside.

`python -m toolkit.images.own_base [gateway aws|gcp]` writes the same as a tar, for whoever builds it by hand.
"""

import io
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from toolkit.core.ports import LayerFile

from .architecture import AMD64
from .context import APP, LIBRARY, base_files
from .order import Order, order
from .requirements import of_agents, of_gateway

_FILE = Path(__file__).with_name("base") / "Dockerfile"


def base_order(repository: str, *, architecture: str = AMD64) -> Order:
    """What agents are built upon."""
    return _ordered("the base", repository, of_agents(), architecture)


def gateway_order(repository: str, cloud: str) -> Order:
    """What the gateway is built upon; `cloud` is aws or gcp, whose libraries it has."""
    return _ordered("the gateway's base", repository, of_gateway(cloud), AMD64)


def _ordered(name: str, repository: str, wanted: Sequence[str], architecture: str) -> Order:
    text = _FILE.read_text("utf-8")
    return order(name, repository, text, _context(wanted), architecture=architecture)


def _context(wanted: Sequence[str]) -> Mapping[str, LayerFile]:
    files = {"requirements.txt": LayerFile("".join(f"{one}\n" for one in wanted).encode())}
    for path, file in base_files().items():
        begins = f"{LIBRARY}/" if path.startswith(f"{LIBRARY}/") else f"{APP}/"
        files[path.removeprefix(begins)] = file
    return files


def main(arguments: Sequence[str]) -> int:
    """The context as a tar on stdout."""
    made = gateway_order("", arguments[1]) if arguments[:1] == ["gateway"] else base_order("")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, file in sorted(made.parts.items()):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(file.data), file.mode
            archive.addfile(info, io.BytesIO(file.data))
    sys.stdout.buffer.write(packed.getvalue())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
