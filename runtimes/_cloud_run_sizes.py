"""Cloud Run's sizes: which amounts of memory go with which number of CPUs.

https://cloud.google.com/run/docs/configuring/jobs/cpu and https://cloud.google.com/run/docs/configuring/jobs/memory-limits.
Jobs run in the second generation only, which has whole CPUs and gives a container at least 512 MiB.
"""

from collections.abc import Mapping

from toolkit.core.units import mib

# CPUs -> the least and the most MiB
SIZES: Mapping[int, tuple[int, int]] = {
    1: (512, 4 * 1024),
    2: (512, 8 * 1024),
    4: (2 * 1024, 16 * 1024),
    6: (4 * 1024, 24 * 1024),
    8: (4 * 1024, 32 * 1024),
}
DEFAULT = (2, 4096)


def chosen(cpus: float | None, memory: int | None) -> tuple[float, int]:
    """CPUs and MiB for what the user set, and for what was left open the nearest to the default that fits.

    `memory` is bytes.  What the user set is never changed, so the pair may be one that Cloud Run lacks.
    """
    if cpus is None:
        return _for_memory(mib(memory)) if memory else DEFAULT
    return cpus, mib(memory) if memory else _memory_for(cpus)


def refusal(cpus: float | None, memory: int | None) -> str | None:
    """What is wrong with this size, with the allowed values and the nearest pair; None when nothing is."""
    count, amount = chosen(cpus, memory)
    if _fits(count, amount):
        return None
    near = nearest(count, amount)
    allowed = (
        f"with {count:g} CPU it takes {_range(SIZES[int(count)])}"
        if count in SIZES
        else f"jobs have whole CPUs: {_pairs()}"
    )
    return (
        f"Cloud Run has no size of {count:g} CPU and {amount} MiB: {allowed}; "
        f"the nearest that gives both is {near[0]} CPU and {near[1]} MiB"
    )


def nearest(cpus: float, amount: int) -> tuple[int, int]:
    """The smallest pair that has at least both, or the largest of all."""
    for count, (least, most) in SIZES.items():
        if count >= cpus and most >= amount:
            return count, max(least, amount)
    return 8, SIZES[8][1]


def _fits(cpus: float, amount: int) -> bool:
    least, most = SIZES.get(int(cpus), (1, 0)) if cpus == int(cpus) else (1, 0)
    return least <= amount <= most


def _for_memory(amount: int) -> tuple[int, int]:
    fitting = [count for count in SIZES if _fits(count, amount)]
    small = [count for count in fitting if count <= DEFAULT[0]]
    return (small[-1] if small else fitting[0] if fitting else DEFAULT[0]), amount


def _memory_for(cpus: float) -> int:
    least, most = SIZES.get(int(cpus), (0, DEFAULT[1]))
    return min(max(DEFAULT[1], least), most)


def _range(pair: tuple[int, int]) -> str:
    return f"{pair[0]} to {pair[1]} MiB"


def _pairs() -> str:
    return ", ".join(f"{count} with {_range(pair)}" for count, pair in SIZES.items())
