"""Whether the conditions of a policy's statement hold for what is known of a request: yes, no, or not to be said.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html.  What cannot be
read (a date that is none, an operator that nobody knows) is not guessed: policy.py lets it grant nothing.
"""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from .patterns import Answer, every, fits, negated, same, segments, some

Test = Callable[[str, str], Answer]


@dataclass(frozen=True, slots=True)
class Facts:
    """The context keys of a request, by name in lower case; no values means that the key is absent.

    `open`: a key that is not listed may have any value.  Otherwise it is absent.  `variables`: whether the policy's
    version knows variables.
    """

    keys: Mapping[str, Sequence[str]]
    open: bool = False
    variables: bool = True

    def values(self, name: str) -> Sequence[str] | None:
        """The values of a key, none when it is absent; None when nothing is known of it."""
        return self.keys.get(name.lower(), None if self.open else ())

    def without_variables(self) -> "Facts":
        return replace(self, variables=False)


def facts(keys: Mapping[str, Sequence[str]], *, open_world: bool = False) -> Facts:
    """Names of keys are told apart without case (IAM user guide, reference_policies_elements_condition)."""
    return Facts({name.lower(): values for name, values in keys.items()}, open_world)


def hold(conditions: Mapping[str, Mapping[str, Any]], known: Facts) -> Answer:
    """All operators, and all keys of each, must hold."""
    return every(
        _holds(operator, key, words(wanted), known)
        for operator, tests in conditions.items()
        for key, wanted in tests.items()
    )


def words(value: Any) -> list[str]:
    """One value or many, as IAM writes them."""
    values = value if isinstance(value, list | tuple) else [value]
    return [str(v).lower() if isinstance(v, bool) else str(v) for v in values]


def _holds(operator: str, key: str, wanted: list[str], known: Facts) -> Answer:
    quantifier, _, plain = operator.rpartition(":")
    values = known.values(key)
    if plain == "Null" and not quantifier:
        return None if values is None else some(_null(word, values) for word in wanted)
    base = plain.removesuffix("IfExists")
    if quantifier not in _QUANTIFIERS or _positive(base) not in _TESTS or values is None:
        return None
    if not values:
        return _of_absent(quantifier, base, if_exists=plain != base)
    return _QUANTIFIERS[quantifier]([_compares(base, wanted, value, known) for value in values])


def _null(word: str, values: Sequence[str]) -> Answer:
    return {"true": not values, "false": bool(values)}.get(word.lower())


def _of_absent(quantifier: str, base: str, *, if_exists: bool) -> Answer:
    """ForAllValues holds for no values, ForAnyValue does not, and a negated operator does.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
    says nothing of ForAnyValue with IfExists.
    """
    if quantifier == "ForAllValues":
        return True
    if quantifier == "ForAnyValue":
        return None if if_exists else False
    return if_exists or base in _NEGATED


def _of_one(answers: Sequence[Answer]) -> Answer:
    """Several values need a quantifier; what AWS does without one is documented nowhere."""
    return answers[0] if len(set(answers)) == 1 else None


_QUANTIFIERS: Mapping[str, Callable[[Sequence[Answer]], Answer]] = {
    "": _of_one,
    "ForAllValues": every,
    "ForAnyValue": some,
}


def _compares(base: str, wanted: list[str], value: str, known: Facts) -> Answer:
    """Any of the wanted values; for a negated operator none of them."""
    positive = _positive(base)
    answer = some(_test(positive, word, value, known) for word in wanted)
    return negated(answer) if base in _NEGATED else answer


def _test(operator: str, word: str, value: str, known: Facts) -> Answer:
    try:
        if not operator.startswith(("String", "Arn")):
            return _TESTS[operator](word, value)
        pattern, sure = resolved(word, known)
        if sure:
            return _TESTS[operator](pattern, value)
        return None if fits(pattern, value, case=False) is not False else False
    except (ValueError, binascii.Error, OverflowError):  # not of the operator's kind
        return None


# policy variables


_VARIABLE = re.compile(r"\$\{([^}]*)\}")


def resolved(text: str, known: Facts) -> tuple[str, bool]:
    """`text` with its variables replaced, and whether all of them are known; one that is not becomes a wildcard.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    if not known.variables or "${" not in text:
        return text, True
    sure = True

    def value(match: re.Match[str]) -> str:
        nonlocal sure
        name, comma, default = (part.strip() for part in match[1].partition(","))
        values = known.values(name)
        if name == "$":
            return "$"
        if values is not None and not values and comma:
            return default.strip("'")
        if values is not None and len(values) == 1 and not set(values[0]) & set("*?"):
            return values[0]
        sure = False
        return "*"

    return _VARIABLE.sub(value, text), sure


# operators


def _number(compare: Callable[[float, float], bool]) -> Test:
    return lambda wanted, value: compare(float(value), float(wanted))


def _date(compare: Callable[[float, float], bool]) -> Test:
    return lambda wanted, value: compare(_moment(value), _moment(wanted))


def _moment(text: str) -> float:
    """Seconds since 1970, of those or of a date of ISO 8601; without a zone it is UTC."""
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _bool(wanted: str, value: str) -> Answer:
    given = value.lower()
    return wanted.lower() == given if given in {"true", "false"} else None


def _address(wanted: str, value: str) -> Answer:
    return ipaddress.ip_address(value) in ipaddress.ip_network(wanted, strict=False)


def _binary(wanted: str, value: str) -> Answer:
    return base64.b64decode(wanted, validate=True) == base64.b64decode(value, validate=True)


_TESTS: Mapping[str, Test] = {
    "StringEquals": same,
    "StringEqualsIgnoreCase": lambda wanted, value: same(wanted, value, case=False),
    "StringLike": fits,
    "ArnEquals": segments,
    "ArnLike": segments,
    "Bool": _bool,
    "BinaryEquals": _binary,
    "IpAddress": _address,
    "NumericEquals": _number(lambda value, wanted: value == wanted),
    "NumericLessThan": _number(lambda value, wanted: value < wanted),
    "NumericLessThanEquals": _number(lambda value, wanted: value <= wanted),
    "NumericGreaterThan": _number(lambda value, wanted: value > wanted),
    "NumericGreaterThanEquals": _number(lambda value, wanted: value >= wanted),
    "DateEquals": _date(lambda value, wanted: value == wanted),
    "DateLessThan": _date(lambda value, wanted: value < wanted),
    "DateLessThanEquals": _date(lambda value, wanted: value <= wanted),
    "DateGreaterThan": _date(lambda value, wanted: value > wanted),
    "DateGreaterThanEquals": _date(lambda value, wanted: value >= wanted),
}
_NEGATED: Mapping[str, str] = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
}


def _positive(base: str) -> str:
    return _NEGATED.get(base, base)
