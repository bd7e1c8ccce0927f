"""Whether a policy's pattern fits what a request names: yes, no, or not to be said.

A request may itself be a pattern (every secret of an agent), so that something can be said of all that it stands for.
Three answers: True (every reading fits), False (none does), None (some may).  Wildcards are `*` and `?` only, and
stand for themselves nowhere (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html).
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

Answer = bool | None
_ANY, _ONE = "\ue000", "\ue001"  # a request's own wildcards, which only a pattern's can take in
_MASK = str.maketrans({"*": _ANY, "?": _ONE})
_FIRST = re.compile(r"[*?]")


def every(answers: Iterable[Answer]) -> Answer:
    """And: one No is enough for No."""
    verdict: Answer = True
    for answer in answers:
        if answer is False:
            return False
        verdict = verdict and answer
    return verdict


def some(answers: Iterable[Answer]) -> Answer:
    """Or: one Yes is enough for Yes."""
    verdict: Answer = False
    for answer in answers:
        if answer:
            return True
        verdict = None if answer is None else verdict
    return verdict


def negated(answer: Answer) -> Answer:
    return None if answer is None else not answer


@lru_cache(maxsize=65_536)
def fits(pattern: str, value: str, *, case: bool = True) -> Answer:
    """Whether `pattern` takes in `value`."""
    if pattern == "*":
        return True
    if not case:
        pattern, value = pattern.lower(), value.lower()
    if not _wild(value):
        return bool(_compiled(pattern).fullmatch(value))
    if _compiled(pattern).fullmatch(value.translate(_MASK)):
        return True
    return None if overlap(pattern, value) else False


def same(wanted: str, value: str, *, case: bool = True) -> Answer:
    """Whether they are one text; `wanted` is taken literally."""
    if not case:
        wanted, value = wanted.lower(), value.lower()
    if not _wild(value):
        return wanted == value
    return None if _compiled(value).fullmatch(wanted) else False


def segments(pattern: str, value: str) -> Answer:
    """As `fits`, for ARNs, part by part: a wildcard does not reach over the first five colons.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN
    """
    wanted, given = pattern.split(":", 5), value.split(":", 5)
    if len(wanted) < 6 or len(given) < 6:
        return True if pattern == value else None
    return every(map(fits, wanted, given))


def resource(pattern: str, value: str) -> Answer:
    """As `fits`, for the Resource element: a `*` within a segment may or may not reach over a colon, so what only
    such a reach would match is not said."""
    answer = fits(pattern, value)
    if answer and pattern != "*":
        return bool(_compiled(pattern, within=True).fullmatch(value.translate(_MASK))) or None
    return answer


def overlap(one: str, other: str) -> bool:
    """Whether some text fits both patterns."""
    plain = min(_head(one), _head(other))
    if one[:plain] != other[:plain]:
        return False
    reached = _closure({0}, other)
    for sign in one:
        if sign == "*":
            reached = set(range(min(reached), len(other) + 1)) if reached else set()
        else:
            reached = _step(reached, sign, other)
    return len(other) in reached


def _head(pattern: str) -> int:
    """How many characters stand before the first wildcard."""
    found = _FIRST.search(pattern)
    return found.start() if found else len(pattern)


def _step(reached: set[int], sign: str, other: str) -> set[int]:
    found = set()
    for at in reached:
        if at == len(other):
            continue
        if other[at] == "*":
            found.add(at)
        elif "?" in (sign, other[at]) or sign == other[at]:
            found.add(at + 1)
    return _closure(found, other)


def _closure(reached: set[int], other: str) -> set[int]:
    """A `*` may stand for nothing."""
    found = set(reached)
    for start in reached:
        at = start
        while at < len(other) and other[at] == "*":
            at += 1
            found.add(at)
    return found


def _wild(text: str) -> bool:
    return "*" in text or "?" in text


@lru_cache(maxsize=16_384)
def _compiled(pattern: str, *, within: bool = False) -> re.Pattern[str]:
    """`within`: wildcards stay in their segment, but for a `*` at the end of one."""
    parts: Sequence[str] = re.split(r"(\*+|\?)", pattern)
    out = []
    for at, part in enumerate(parts):
        last = at + 1 < len(parts) and parts[at + 1][:1] in ("", ":")
        if part.startswith("*"):
            out.append(f"[^{_ANY}:]*" if within and not last else ".*")
        elif part == "?":
            out.append(f"[^{_ANY}:]" if within else f"[^{_ANY}]")
        else:
            out.append(re.escape(part))
    return re.compile("".join(out), re.DOTALL)
