"""What pip is to install into an image: the toolkit's own requirements, with all that they need, as installed here.

Pinned, so that an image is the same whenever it is built; of what is not installed here our own range is all that is known.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from importlib import metadata

_US = "al-toolkit"
_WANTED = re.compile(r"(?P<name>[A-Za-z0-9._-]+)\s*(?:\[(?P<extras>[^\]]*)\])?")
_EXTRA = re.compile(r"""extra\s*==\s*['"](?P<name>[^'"]+)['"]""")


# what our own code imports inside besides: models at home are spoken to with it
_INSIDE = ("httpx",)


def of_agents() -> tuple[str, ...]:
    """What a run needs, and nothing of the command line."""
    return _listed_all([*_needed(_US, ("agent",), core=False), *_INSIDE])


def of_gateway(cloud: str) -> tuple[str, ...]:
    """The same of the gateway on `aws` or `gcp`, which is the scheduler too."""
    return _listed_all(_needed(_US, ("gateway", cloud), core=True))


def _listed_all(lines: Iterable[str]) -> tuple[str, ...]:
    """Sorted, by pip's spelling of names."""
    found: dict[str, str] = {}
    for line in lines:
        _add(line, found)
    return tuple(sorted(found.values()))


def _add(line: str, found: dict[str, str]) -> None:
    wanted = line.partition(";")[0].strip()
    parsed = _WANTED.match(wanted)
    if parsed is None:
        return
    name, extras = _spelled(parsed["name"]), _listed(parsed["extras"])
    key = f"{name}[{','.join(extras)}]" if extras else name
    if key in found:
        return
    try:
        found[key] = f"{key}=={metadata.version(name)}"
    except metadata.PackageNotFoundError:
        if ";" not in line or _EXTRA.search(line):  # else it is for another machine
            found[key] = wanted
        return
    for more in _needed(name, extras, core=True):
        _add(more, found)


def _needed(name: str, extras: Collection[str], *, core: bool) -> Iterator[str]:
    for line in metadata.requires(name) or ():
        marked = _EXTRA.search(line.partition(";")[2])
        if marked["name"] in extras if marked else core:
            yield line


def _listed(extras: str | None) -> tuple[str, ...]:
    return tuple(sorted(filter(None, (one.strip() for one in (extras or "").split(",")))))


def _spelled(name: str) -> str:
    """https://packaging.python.org/en/latest/specifications/name-normalization/"""
    return re.sub(r"[-_.]+", "-", name).lower()
