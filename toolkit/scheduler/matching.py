"""Whether an agent wants an event: its trigger's filters against the event, with a reason for each filter.

Pure.  Which filters a provider has is the configuration's (config/triggers); what each one looks at is here.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.core.webhook import WebhookContext

from .roster import Post, Roster

Look = Callable[[WebhookContext], tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """One filter, ready to be used.  An `optional` one lets through what has nothing of the kind."""

    wanted: tuple[str, ...]
    look: Look
    optional: bool

    def passed(self, context: WebhookContext) -> bool:
        found = self.look(context)
        return any(text in self.wanted for text in found) or (self.optional and not found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One filter: what the trigger wants, what the event has, and whether that is enough."""

    filter: str
    wanted: tuple[str, ...]
    found: tuple[str, ...]
    passed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one trigger.  No filter at all lets every event of the source through."""

    reasons: tuple[Reason, ...] = ()

    @property
    def passed(self) -> bool:
        return all(reason.passed for reason in self.reasons)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One `[[webhooks]]` entry of an agent, the `number`-th from 0, and what became of it."""

    post: Post
    number: int
    verdict: Verdict


def judge(context: WebhookContext, filters: Mapping[str, Any]) -> Verdict:
    """An event passes when it passes every filter."""
    return Verdict(reasons=tuple(_reason(context, *entry) for entry in filters.items()))


def judged(roster: Roster, source: str, context: WebhookContext) -> tuple[Match, ...]:
    """Every trigger that refers to the source, agent by agent."""
    return tuple(
        Match(post=post, number=number, verdict=judge(context, filters))
        for post, number, filters in _triggers(roster, source)
    )


class Wants:
    """A roster's triggers, laid out so that a delivery is compared only with those of its own source."""

    def __init__(self, roster: Roster) -> None:
        self.roster = roster
        self._of_source: dict[str, list[tuple[Post, tuple[Test, ...]]]] = {}
        for post in roster.posts.values():
            for hook in post.webhooks:
                tests = tuple(_test(*entry) for entry in hook.filters.items())
                self._of_source.setdefault(hook.source, []).append((post, tests))

    def wanting(self, source: str, context: WebhookContext) -> tuple[Post, ...]:
        """The agents that want the event, each once, however many of their triggers match."""
        triggers = self._of_source.get(source, ())
        found = [post for post, tests in triggers if all(test.passed(context) for test in tests)]
        return tuple({post.agent: post for post in found}.values())


def _triggers(roster: Roster, source: str) -> Iterator[tuple[Post, int, Mapping[str, Any]]]:
    for post in roster.posts.values():
        for number, hook in enumerate(post.webhooks):
            if hook.source == source:
                yield post, number, hook.filters


def _reason(context: WebhookContext, name: str, value: Any) -> Reason:
    test = _test(name, value)
    passed, found = test.passed(context), test.look(context)
    return Reason(filter=name, wanted=test.wanted, found=found, passed=passed)


def _test(name: str, value: Any) -> Test:
    wanted = tuple(map(str, value)) if isinstance(value, list | tuple) else (str(value),)
    return Test(wanted=wanted, look=_LOOKS.get(name, _nothing), optional=name in _WHERE_KNOWN)


def _nothing(context: WebhookContext) -> tuple[str, ...]:
    """What a filter looks at that this version does not know."""
    return ()


def _one(field: str) -> Look:
    def look(context: WebhookContext) -> tuple[str, ...]:
        value = getattr(context, field)
        return () if value is None else (value,)

    return look


def _owner(context: WebhookContext) -> tuple[str, ...]:
    return (context.repo.partition("/")[0],) if context.repo else ()


# filters that only narrow events that have such a thing: a push has a branch, an issue has none
_WHERE_KNOWN = frozenset({"branches", "conclusions"})

_LOOKS: Mapping[str, Look] = {
    "events": _one("event"),
    "resources": _one("event"),
    "actions": _one("action"),
    "commands": _one("action"),
    "repos": _one("repo"),
    "organizations": _one("repo"),
    "guilds": _one("repo"),
    "team_ids": _one("repo"),
    "org": _owner,
    "orgs": _owner,
    "channels": _one("channel"),
    "labels": lambda context: context.labels,
    "assignee": _one("assignee"),
    "author": _one("author"),
    "branches": _one("branch"),
    "conclusions": _one("conclusion"),
}
