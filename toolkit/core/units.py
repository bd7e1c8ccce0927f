"""Memory and CPU, parsed once and rendered per back end.

`4g`, `4G`, `4Gi`, `4096`, `4096m` and `4096Mi` are one value: a bare number is MiB (as the predecessor's
`[local].memory`), and `k`, `m`, `g` are binary, as Docker reads them
(https://docs.docker.com/engine/containers/resource_constraints/).
"""

import re

from .errors import ConfigError

KIB, MIB, GIB = 1024, 1024**2, 1024**3
_SUFFIX = {
    "": MIB,
    "k": KIB,
    "ki": KIB,
    "m": MIB,
    "mi": MIB,
    "mb": MIB,
    "g": GIB,
    "gi": GIB,
    "gb": GIB,
}
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]*)")


def parse_memory(text: str | int) -> int:
    """Bytes in `text`.  Raises ConfigError when it is no size."""
    match = _MEMORY.fullmatch(str(text).strip())
    unit = _SUFFIX.get(match[2].lower()) if match else None
    size = int(float(match[1]) * unit) if match and unit else 0
    if size <= 0:
        raise ConfigError(
            f"{text!r} is not an amount of memory", hint="write it like '4g', '4Gi' or '4096' (MiB)"
        )
    return size


def mib(size: int) -> int:
    """`size` bytes in MiB, rounded up: a back end must never get less than was asked for."""
    return -(-size // MIB)


def parse_cpus(value: str | float) -> float:
    """Processors, as a positive number.  Raises ConfigError when it is none."""
    try:
        cpus = float(value)
    except ValueError:
        cpus = 0.0
    if not 0 < cpus <= 1024:
        raise ConfigError(
            f"{value!r} is not a number of processors", hint="write it like 0.5, 1 or 2"
        )
    return cpus
