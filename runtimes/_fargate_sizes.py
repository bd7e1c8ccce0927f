"""Fargate's sizes: which amounts of memory go with which number of vCPUs.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size
Any other pair is refused at registration: "No Fargate configuration exists for given values".
"""

from collections.abc import Mapping, Sequence

from toolkit.core.units import mib

# CPU units (1024 are one vCPU) -> MiB
SIZES: Mapping[int, Sequence[int]] = {
    256: (512, 1024, 2048),
    512: range(1024, 4096 + 1, 1024),
    1024: range(2048, 8192 + 1, 1024),
    2048: range(4096, 16384 + 1, 1024),
    4096: range(8192, 30720 + 1, 1024),
    8192: range(16 * 1024, 60 * 1024 + 1, 4 * 1024),
    16384: range(32 * 1024, 120 * 1024 + 1, 8 * 1024),
}
DEFAULT = (2048, 4096)


def chosen(cpus: float | None, memory: int | None) -> tuple[int, int]:
    """CPU units and MiB for what the user set, and for what was left open the nearest to the default that fits.

    `memory` is bytes.  What the user set is never changed, so the pair may be one that Fargate lacks.
    """
    if cpus is None:
        return _for_memory(mib(memory)) if memory else DEFAULT
    units = round(cpus * 1024)
    return units, mib(memory) if memory else _memory_for(units)


def refusal(cpus: float | None, memory: int | None) -> str | None:
    """What is wrong with this size, with the allowed values and the nearest pair; None when nothing is."""
    units, amount = chosen(cpus, memory)
    if amount in SIZES.get(units, ()):
        return None
    near = nearest(units, amount)
    allowed = (
        f"with {_vcpus(units)} it takes {_listed(SIZES[units])}" if units in SIZES else _cpus()
    )
    return (
        f"Fargate has no size of {_vcpus(units)} and {amount} MiB: {allowed}; "
        f"the nearest that gives both is {_vcpus(near[0])} and {near[1]} MiB"
    )


def nearest(units: int, amount: int) -> tuple[int, int]:
    """The smallest pair that has at least both, or the largest of all."""
    pairs = [(u, a) for u, amounts in SIZES.items() for a in amounts]
    return next((p for p in pairs if p[0] >= units and p[1] >= amount), pairs[-1])


def _for_memory(amount: int) -> tuple[int, int]:
    fitting = [units for units, amounts in SIZES.items() if amount in amounts]
    small = [units for units in fitting if units <= DEFAULT[0]]
    return (small[-1] if small else fitting[0] if fitting else DEFAULT[0]), amount


def _memory_for(units: int) -> int:
    amounts = SIZES.get(units, (DEFAULT[1],))
    return next((a for a in amounts if a >= DEFAULT[1]), amounts[-1])


def _vcpus(units: int) -> str:
    return f"{units / 1024:g} vCPU"


def _cpus() -> str:
    return f"cpus is one of {', '.join(f'{units / 1024:g}' for units in SIZES)}"


def _listed(amounts: Sequence[int]) -> str:
    if len(amounts) <= 4:
        return f"{', '.join(map(str, amounts))} MiB"
    return f"{amounts[0]} to {amounts[-1]} MiB in steps of {amounts[1] - amounts[0]}"
