"""Whose a value is: that of the provider which is named in the same place; and which provider wins.

A key knows its provider by its variable or credential.  An address says nothing: a hosted provider's key goes to one only
where the two are named in the same place.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from toolkit.core.errors import ConfigError

from .candidates import Candidate, Rank
from .names import Table

_SMART = "ollama"  # without any key


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """A place that names the provider.  `contradiction` is what else the same place says."""

    provider: str
    rank: Rank
    origin: str
    candidate: Candidate | None = None
    contradiction: Candidate | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a value may not be in the bundle.  `told`: the user meant it for this run, and hears of it."""

    why: str
    told: bool = True


@dataclass(frozen=True)
class Ownership:
    """The candidates, seen by their owners."""

    candidates: Sequence[Candidate]
    table: Table

    def of(self, setting: str) -> list[Candidate]:
        """Highest first; at the same height in the order in which they were found."""
        found = [c for c in self.candidates if c.setting == setting]
        return sorted(found, key=lambda c: -c.rank)

    @cached_property
    def final(self) -> Naming:
        """The provider that wins."""
        return self._namings[0] if self._namings else self._smart_default()

    @cached_property
    def problems(self) -> tuple[ConfigError, ...]:
        """Contradictions in who is named, and addresses that nobody is named for."""
        found = [*self._contradiction(), *self._unknown_model()]
        return (*found, *(self._homeless(c) for c in self.of("base_url") if self._is_homeless(c)))

    def refusal(self, candidate: Candidate) -> Refusal | None:
        """Why the winning provider may not have this value; None when it may."""
        if candidate.setting == "key":
            return self._key_refusal(candidate)
        owner = self._owner(candidate)
        if owner not in (None, self.final.provider):
            return Refusal(f"it is for {owner}")
        if candidate.setting == "base_url" and not self._at_home(candidate):
            return _alone(candidate, "nothing beside it says whose server it is")
        if candidate.setting == "model" and owner is None:
            return self._model_refusal(candidate)
        return None

    def _model_refusal(self, candidate: Candidate) -> Refusal | None:
        """Of a name that stands alone: below the provider it counts where its family says so, or nobody else is meant."""
        final = self.final.provider
        below = self._in_force(candidate.rank)
        if candidate.rank >= self.final.rank or (below and below.provider == final):
            return None
        if not self.table.fits(final, candidate.value):
            return _alone(candidate, f"it is no model of {final}")
        if below and not self.table.family(candidate.value):
            return Refusal(f"it is for {below.provider}")
        return None

    def _key_refusal(self, candidate: Candidate) -> Refusal | None:
        named = self._beside(candidate)
        owner = candidate.provider or (named.provider if named else None)
        if owner is None:
            return Refusal("nothing beside it says whose key it is: set AL_LLM_PROVIDER")
        if owner != self.final.provider:
            meant = candidate.rank > Rank.USER and owner in {n.provider for n in self._namings}
            return Refusal(f"it is for {owner}", told=meant)
        return None

    @cached_property
    def _namings(self) -> tuple[Naming, ...]:
        """Highest first, one for each height.  A model's name counts when nothing else names a provider."""
        found = tuple(filter(None, (self._naming(rank) for rank in sorted(Rank, reverse=True))))
        return found or tuple(self._by_model())

    def _naming(self, rank: Rank) -> Naming | None:
        here = [c for c in self.candidates if c.rank == rank]
        told = next((c for c in here if c.setting == "provider"), None)
        model = next((c for c in here if c.setting == "model" and not c.provider), None)
        prefix = self.table.split(model.value)[0] if model else None
        if told is not None:
            contradiction = model if prefix not in (None, told.value) else None
            return Naming(
                provider=told.value,
                rank=rank,
                origin=told.origin,
                candidate=told,
                contradiction=contradiction,
            )
        if model is not None and prefix is not None:
            return Naming(provider=prefix, rank=rank, origin=model.origin)
        return None

    def _by_model(self) -> Iterator[Naming]:
        for model in self.of("model")[:1]:
            if owner := self.table.owner(model.value):
                origin = f"by the model's name, {model.origin}"
                yield Naming(provider=owner, rank=model.rank, origin=origin)
            elif addresses := self.of("base_url"):
                origin = f"a server of one's own, {addresses[0].origin}"
                yield Naming(provider="custom", rank=model.rank, origin=origin)

    def _smart_default(self) -> Naming:
        for provider in self.table.providers.values():
            held = [c for c in self.of("key") if c.provider == provider.name]
            if held and not provider.keyless:
                origin = f"default: key found in {held[0].origin}"
                return Naming(provider=provider.name, rank=Rank.DEFAULT, origin=origin)
        return Naming(provider=_SMART, rank=Rank.DEFAULT, origin="default: no API key found")

    def _in_force(self, rank: Rank) -> Naming | None:
        return next((n for n in self._namings if n.rank <= rank), None)

    def _beside(self, candidate: Candidate) -> Naming | None:
        """Who is named in the same place."""
        here = [n for n in self._namings if n.rank.place == candidate.rank.place]
        return next((n for n in here if n.rank == candidate.rank), here[0] if here else None)

    def _owner(self, candidate: Candidate) -> str | None:
        if candidate.provider:
            return candidate.provider
        named = self._beside(candidate)
        return named.provider if named else None

    def _at_home(self, address: Candidate) -> bool:
        """Whether the provider's key may be shown to this address."""
        final = self.final.provider
        if self.table.provider(final).keyless or address.provider == final:
            return True
        beside = self._beside(address)
        return beside is not None and beside.provider == final

    def _is_homeless(self, address: Candidate) -> bool:
        """Whether it stands above the provider, which it does not name: then it is not clear what is wanted."""
        return address.rank > self.final.rank and not self._at_home(address)

    def _homeless(self, address: Candidate) -> ConfigError:
        name = self.final.provider
        return ConfigError(
            f"{address.origin} does not say whose server it is, and the provider is {name} ({self.final.origin})",
            hint=f"set LLM_PROVIDER beside it: {name} for a proxy, ollama or custom for a server of your own",
        )

    def _contradiction(self) -> Iterator[ConfigError]:
        if self.final.contradiction is not None:
            model, name = self.final.contradiction, self.final.provider
            yield ConfigError(
                f"{model.value} ({model.origin}) is no model of {name} ({self.final.origin})",
                hint=f"change one of the two, or name a model of {name}",
            )

    def _unknown_model(self) -> Iterator[ConfigError]:
        models = self.of("model")
        if models and not self._namings:
            model = models[0]
            yield ConfigError(
                f"nobody knows whose model {model.value!r} ({model.origin}) is",
                hint="write PROVIDER:MODEL, or name the provider with --llm-provider or LLM_PROVIDER: "
                f"{', '.join(self.table.providers)}; known names: {self.table.known_families()}",
            )


def _alone(candidate: Candidate, why: str) -> Refusal:
    """Of what names no provider: among the user's own settings it is for other runs."""
    return Refusal(why, told=candidate.rank > Rank.USER)
