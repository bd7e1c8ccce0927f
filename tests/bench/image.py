"""What the libraries of an agent's image weigh, compressed as a layer is: each, and all.  `python -m tests.bench.image`

Of what is installed here, compiled files aside; the base's other layers are a registry's to tell.
"""

import gzip
import io
import tarfile
from importlib import metadata
from pathlib import Path

from toolkit.images.context import base_files
from toolkit.images.layer import layer
from toolkit.images.requirements import of_agents

SHOWN = 6  # of the largest


def weight(name: str) -> int:
    """Bytes of a distribution's files in a gzipped tar."""
    packed = io.BytesIO()
    with gzip.open(packed, "wb", 6) as zipped, tarfile.open(fileobj=zipped, mode="w|") as archive:  # type: ignore[call-overload]
        for file in metadata.files(name) or ():
            place = Path(str(file.locate()))
            if place.is_file() and place.suffix != ".pyc":
                archive.add(place, arcname=str(file))
    return len(packed.getvalue())


def main() -> None:
    names = sorted({one.partition("==")[0].partition("[")[0] for one in of_agents()})
    weights = {name: weight(name) for name in names}
    largest = sorted(weights, key=lambda name: -weights[name])[:SHOWN]
    shown = ", ".join(f"{name} {weights[name] / 1e6:.1f}" for name in largest)
    print(
        f"{'libraries of an agent image, not compiled':<58} {sum(weights.values()) / 1e6:9.1f} MB   {shown}"
    )
    own = len(layer(base_files()).data)
    print(f"{'the toolkit inside of it':<58} {own / 1e6:9.2f} MB", flush=True)


if __name__ == "__main__":
    main()
