"""Places that have a say, as candidates: for tests of who wins."""

from typing import Any

from toolkit.core.secrets import Secret
from toolkit.llm.candidates import LIMITS, Candidate, Rank

PLACES = tuple(rank for rank in Rank if rank is not Rank.DEFAULT)
SETTINGS = ("model", "base_url", "key", *LIMITS, "thinking_level")


def given(setting: str, value: Any, rank: Rank, provider: str | None = None) -> Candidate:
    return Candidate(
        setting=setting, value=value, rank=rank, origin=f"the {rank.name}", provider=provider
    )


def value(setting: str, provider: str, rank: Rank) -> Any:
    """A value that says whose it is and where it is from."""
    tag = f"{provider}-{rank.name.lower().replace('_', '-')}"
    return {
        "model": f"{tag}-thing",
        "base_url": f"https://{tag}.example",
        "key": Secret(f"hush-{tag}"),
        "thinking_level": f"{tag}-level",
    }.get(setting, f"{tag}-{setting}")


def whole(provider: str, rank: Rank) -> list[Candidate]:
    """A place that names the provider and gives everything."""
    owner = {"key": provider}
    return [
        given("provider", provider, rank),
        *(given(s, value(s, provider, rank), rank, owner.get(s)) for s in SETTINGS),
    ]
