"""Offline looks at a credential's values.  The words that come back never hold a value."""

from collections.abc import Callable, Mapping

from toolkit.core.secrets import Secret

Check = Callable[[Mapping[str, Secret]], list[str]]


def begins(field: str, prefix: str) -> Check:
    """The field begins with `prefix`."""

    def check(values: Mapping[str, Secret]) -> list[str]:
        good = field not in values or values[field].reveal().startswith(prefix)
        return [] if good else [f"{field} does not begin with {prefix!r}"]

    return check


def contains(field: str, part: str) -> Check:
    """The field contains `part`."""

    def check(values: Mapping[str, Secret]) -> list[str]:
        good = field not in values or part in values[field].reveal()
        return [] if good else [f"{field} does not contain {part!r}"]

    return check


def length(field: str, least: int, most: int | None = None) -> Check:
    """The field has at least `least` characters, and at most `most`."""

    def check(values: Mapping[str, Secret]) -> list[str]:
        if field not in values or least <= len(values[field]) <= (most or len(values[field])):
            return []
        return [f"{field} has {len(values[field])} characters instead of {_span(least, most)}"]

    return check


def every(*checks: Check) -> Check:
    """All of the checks' complaints."""
    return lambda values: [words for check in checks for words in check(values)]


def _span(least: int, most: int | None) -> str:
    return f"{least} to {most}" if most else f"at least {least}"
