"""From candidates to one bundle: the highest place wins, setting by setting, within one provider.

Only values of the provider that wins get in, so that no key, address or model of one provider can reach another.  Pure:
reads no file and asks nobody.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from toolkit.core.errors import ConfigError, UnknownPlugin

from .bundle import Choice, Other, Resolution
from .candidates import LIMITS, SETTINGS, Candidate, Rank
from .names import TABLE, Table
from .ownership import Ownership, Refusal
from .providers import CUSTOM


def resolve(candidates: Iterable[Candidate], table: Table = TABLE) -> Resolution:
    """Never raises: what is wrong is in the answer, so that it can be explained."""
    return _Resolver(Ownership(tuple(candidates), table)).resolution()


class _Resolver:
    """One resolution."""

    def __init__(self, owned: Ownership) -> None:
        self._owned, self._table = owned, owned.table
        self._final = owned.final
        self._provider = owned.table.provider(self._final.provider)
        self._problems = list(owned.problems)

    def resolution(self) -> Resolution:
        choices = {"provider": self._chosen_provider()}
        # in this order: whether a key may be used depends on the address, and a window belongs to a model
        for setting in ("model", "base_url", "auth_type", "wire", "key", "thinking_level", *LIMITS):
            choices[setting] = self._choice(setting, choices)
        choices["options"] = self._choice("options", choices)
        self._check(choices)
        return Resolution(
            provider=self._provider,
            choices=choices,
            problems=tuple(self._problems),
            notes=tuple(self._notes(choices)),
            table=self._table,
        )

    def _chosen_provider(self) -> Choice:
        """Who names the provider need not be a candidate for it: a model's name, or a key that is there."""
        others = [c for c in self._owned.of("provider") if c is not self._final.candidate]
        return Choice(
            setting="provider",
            value=self._final.provider,
            origin=self._final.origin,
            rank=self._final.rank,
            others=tuple(_other(c) for c in others),
        )

    def _choice(self, setting: str, known: Mapping[str, Choice]) -> Choice:
        winner: Candidate | None = None
        others: list[Other] = []
        for candidate in self._owned.of(setting):
            refusal = self._refusal(candidate, known)
            if winner is None and refusal is None:
                winner = candidate
            else:
                others.append(_other(candidate, refusal))
        if winner is None:
            return replace(self._default(setting), others=tuple(others))
        return Choice(
            setting=setting,
            value=winner.value,
            origin=winner.origin,
            rank=winner.rank,
            others=tuple(others),
        )

    def _default(self, setting: str) -> Choice:
        name = self._provider.name
        value = {"model": self._provider.default_model, "base_url": self._provider.base_url}.get(
            setting
        )
        origin = f"default for {name}" if value is not None else ""
        return Choice(setting=setting, value=value, origin=origin)

    def _refusal(self, candidate: Candidate, known: Mapping[str, Choice]) -> Refusal | None:
        if refusal := self._owned.refusal(candidate):
            return refusal
        if candidate.setting == "key":
            return self._key_refusal(candidate, known)
        if candidate.setting in ("context_window", "options"):
            return self._of_another_model(candidate, known["model"])
        return None

    def _key_refusal(self, candidate: Candidate, known: Mapping[str, Choice]) -> Refusal | None:
        """Of keys of the right provider: whether it is for the right server."""
        auth, address = known["auth_type"], known["base_url"]
        if auth.value == "none" and candidate.rank <= auth.rank:
            return Refusal("this server wants no key", told=False)
        elsewhere = candidate.rank < Rank.VARIABLE <= address.rank
        if self._provider.name == CUSTOM and elsewhere:
            return Refusal(f"it is not shown to another server, that of {address.origin}")
        return None

    def _of_another_model(self, candidate: Candidate, model: Choice) -> Refusal | None:
        """A window, or an option, that stands beside a model is that model's."""
        beside = [c for c in self._owned.of("model") if c.rank == candidate.rank]
        if beside and beside[0].rank != model.rank:
            return Refusal(f"it is of {beside[0].value}")
        return None

    def _check(self, choices: Mapping[str, Choice]) -> None:
        """The combination: every contradiction names both origins."""
        self._check_model(choices["model"], choices["base_url"])
        self._check_address(choices["base_url"])
        for other in choices["key"].others:
            if other.refused and other.rank >= Rank.FLAG:
                name = self._provider.name
                self._refuse(
                    f"{other.origin} is given, and the provider is {name} ({self._final.origin})",
                    hint="add --llm-provider anthropic, or leave the key out",
                )

    def _refuse(self, message: str, *, hint: str) -> None:
        self._problems.append(ConfigError(message, hint=hint))

    def _check_model(self, model: Choice, address: Choice) -> None:
        name = self._provider.name
        if model.value is None:
            self._refuse(
                f"there is no model of {name}, which has no default ({self._final.origin})",
                hint="name one with --llm-model or LLM_MODEL",
            )
            return
        proxied = address.rank > Rank.DEFAULT and not self._provider.keyless
        bare = model.value if model.rank is Rank.CONFIG else self._table.split(model.value)[1]
        if not proxied and not self._table.fits(name, bare) and not self._problems:
            owner = self._table.owner(bare)
            add = f"add --llm-provider {owner}, or " if owner else ""
            self._refuse(
                f"{model.value} ({model.origin}) is no model of {name} ({self._final.origin})",
                hint=f"{add}name a model of {name}",
            )
        elif not proxied and model.rank is not Rank.CONFIG:
            self._check_prefix(model, bare)

    def _check_prefix(self, model: Choice, bare: str) -> None:
        """A name with a colon that no hosted provider would have: a provider that there is not was meant."""
        own = self._provider.keyless or self._provider.of_user
        if own or (name := self._table.stranger(bare)) is None:
            return
        unknown = UnknownPlugin("LLM provider", name, sorted(self._table.providers))
        self._refuse(f"{model.value} ({model.origin}): {unknown.message}", hint=unknown.hint)

    def _check_address(self, address: Choice) -> None:
        name = self._provider.name
        if address.value is None:
            self._refuse(
                f"there is no address of the {name} server ({self._final.origin})",
                hint="set LLM_BASE_URL, or baseUrl of the model in config.toml",
            )
        elif not _usable(address.value):
            self._refuse(
                f"the base URL of {name} ({address.origin}) is no URL that can be used",
                hint="write it like http://localhost:11434, without a password in it",
            )

    def _notes(self, choices: Mapping[str, Choice]) -> Iterator[str]:
        dropped = [
            f"{_named(name, other.value)} ({other.origin}: {other.refused.why})"
            for name in (*SETTINGS, "options")
            for other in choices[name].others
            if other.refused and other.refused.told
        ]
        if dropped:
            because = f"the provider is {self._provider.name} ({self._final.origin})"
            yield f"not used, because {because}: {', '.join(dropped)}"
        for name in ("provider", "model", "base_url"):
            yield from _twice(choices[name])


def _other(candidate: Candidate, refused: Refusal | None = None) -> Other:
    return Other(
        value=candidate.value, origin=candidate.origin, rank=candidate.rank, refused=refused
    )


def _named(setting: str, value: Any) -> str:
    shown = setting not in ("key", "options", "base_url")
    return f"{setting} {value}" if shown else setting


def _twice(choice: Choice) -> Iterator[str]:
    """AL_LLM_MODEL and LLM_MODEL that differ: which one counts."""
    for other in choice.others:
        if choice.origin == f"AL_{other.origin}" and choice.value != other.value:
            yield f"{choice.origin} is used, and {other.origin} differs"


def _usable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(
            parts.scheme in ("http", "https")
            and parts.hostname
            and not (parts.username or parts.password)
            and (parts.port is None or parts.port > 0)
        )
    except ValueError:
        return False
