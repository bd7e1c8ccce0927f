"""CPU and memory as Cloud Run takes them, and which go together.

https://cloud.google.com/run/docs/configuring/jobs/cpu, https://cloud.google.com/run/docs/configuring/jobs/memory-limits:
jobs run in the second generation, which has whole CPUs and at least 512 MiB.
"""

import re
from collections.abc import Iterator, Mapping

from .refusals import Violation

# thousandths of a CPU -> the least and the most memory in MiB
_PAIRS: Mapping[int, tuple[int, int]] = {
    1000: (512, 4 * 1024),
    2000: (512, 8 * 1024),
    4000: (2 * 1024, 16 * 1024),
    6000: (4 * 1024, 24 * 1024),
    8000: (4 * 1024, 32 * 1024),
}
_FRACTION = (
    128,
    1024,
)  # what services of less than a CPU may have: up to 512 MiB, 1 GiB from half a CPU on
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|k|M|G|T)?")
_BYTES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12} | {
    f"{letter}i": 1024**power for power, letter in enumerate("KMGT", 1)
}
DEFAULT_CPU, DEFAULT_MEMORY = "1", "512Mi"


def mebibytes(text: str) -> int | None:
    """A Kubernetes quantity in MiB, rounded down; None when it is none."""
    match = _QUANTITY.fullmatch(text)
    return int(float(match[1]) * _BYTES[match[2] or ""]) // 1024**2 if match else None


def millis(text: str) -> int | None:
    """CPUs, like `2`, `0.5` or `500m`, in thousandths; None when it is none."""
    if match := re.fullmatch(r"(\d+)m", text):
        return int(match[1])
    return round(float(text) * 1000) if re.fullmatch(r"\d+(?:\.\d+)?", text) else None


def check_resources(
    field: str, limits: Mapping[str, str], *, fractional: bool = False
) -> Iterator[Violation]:
    """What is wrong with a container's limits; `fractional` is for services, which may have less than a CPU."""
    if unknown := sorted(set(limits) - {"cpu", "memory"}):
        yield Violation(field, f"unsupported resources: {', '.join(unknown)}")
    cpu = millis(limits.get("cpu", DEFAULT_CPU))
    memory = mebibytes(limits.get("memory", DEFAULT_MEMORY))
    if memory is None:
        yield Violation(f"{field}.memory", f"'{limits['memory']}' is not a quantity")
    elif cpu is None or not (pair := _pair(cpu, fractional=fractional)):
        text = f"Invalid value specified for cpu: '{limits.get('cpu')}'. It must be one of 1, 2, 4, 6 or 8 with gen2 execution environment."
        yield Violation(f"{field}.cpu", text)
    elif not pair[0] <= memory <= pair[1]:
        yield _unfit(field, cpu, *pair)


def _pair(cpu: int, *, fractional: bool) -> tuple[int, int] | None:
    return _FRACTION if fractional and 80 <= cpu < 1000 else _PAIRS.get(cpu)


def _unfit(field: str, cpu: int, least: int, most: int) -> Violation:
    return Violation(
        f"{field}.memory",
        f"Invalid value specified for memory with gen2 execution environment. For {cpu / 1000:.1f} CPU, memory must be "
        f"between {_written(least)} and {_written(most)} inclusive.",
    )


def _written(memory: int) -> str:
    return f"{memory // 1024}Gi" if memory % 1024 == 0 else f"{memory}Mi"
