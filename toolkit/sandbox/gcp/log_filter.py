"""Cloud Logging's query language: a filter's text as a tree, or the place where it is wrong.

https://cloud.google.com/logging/docs/view/logging-query-language.  What is not in that language is refused, and so is what
it has and this parser does not know: a filter never means less here than it says.  Which entries match is not its
business (log_match.py).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from .refusals import Refused, invalid

LONGEST = 20_000  # characters (https://cloud.google.com/logging/quotas)
FIELDS = frozenset(
    ("logName", "resource", "textPayload", "jsonPayload", "protoPayload", "timestamp", "receiveTimestamp", "severity",
     "insertId", "httpRequest", "labels", "operation", "trace", "spanId", "traceSampled", "sourceLocation", "split")
)  # fmt: skip
OPERATORS = ("<=", ">=", "!=", "=~", "!~", "=", "<", ">", ":")
_STRING = r'"(?:[^"\\\n]|\\.)*"'
_WORD = r"[A-Za-z0-9_$][A-Za-z0-9_$+-]*"
_TOKEN = re.compile(
    rf"""(?P<space>\s+|--[^\n]*)|(?P<path>{_WORD}(?:\.(?:{_WORD}|{_STRING}))*|-[0-9][0-9.]*)|(?P<string>{_STRING})"""
    r"""|(?P<sign><=|>=|!=|=~|!~|[=<>:()*-])"""
)
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[0-7]{3}|.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "a": "\a"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """`path` is a field's name, taken apart; the value is text, whatever the field's type."""

    path: tuple[str, ...]
    operator: str
    value: str
    exists: bool = False  # `field:*`


@dataclass(frozen=True, slots=True)
class Anywhere:
    """A value without a field: it may be in any of them."""

    value: str


@dataclass(frozen=True, slots=True)
class Not:
    inner: "Node"


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Any:
    parts: tuple["Node", ...]


Node = Comparison | Anywhere | Not | All | Any


@lru_cache(maxsize=512)
def parsed(text: str) -> Node:
    """The filter; an empty one matches everything.  Raises Refused (INVALID_ARGUMENT)."""
    if len(text) > LONGEST:
        raise invalid("filter", f"the filter is longer than {LONGEST} characters")
    tokens = _tokens(text)
    return _Parser(tokens).whole() if tokens else All(())


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _unparseable(f"syntax error at line 1, column {at + 1}, token '{text[at]}'")
        if match.lastgroup != "space":
            found.append(_Token(str(match.lastgroup), match.group(), at))
        at = match.end()
    return found


class _Parser:
    """Recursive descent.  NOT binds closest, then OR, then AND, which is also what stands between two comparisons."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens, self._at = tokens, 0

    def whole(self) -> Node:
        node = self._all(self._one)
        if self._next:
            raise self._unexpected()
        return node

    def _all(self, one: Callable[[], Node]) -> Node:
        parts = [self._any(one)]
        while self._taken("AND") or self._next not in {"", ")"}:
            parts.append(self._any(one))
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _any(self, one: Callable[[], Node]) -> Node:
        parts = [self._not(one)]
        while self._taken("OR"):
            parts.append(self._not(one))
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def _not(self, one: Callable[[], Node]) -> Node:
        if self._taken("NOT") or self._taken("-"):
            return Not(self._not(one))
        if self._taken("("):
            return self._closed(one)
        return one()

    def _closed(self, one: Callable[[], Node]) -> Node:
        node = self._all(one)
        if not self._taken(")"):
            raise self._unexpected()
        return node

    def _one(self) -> Node:
        token = self._pop("path", "string")
        if self._next not in OPERATORS:
            return Anywhere(_value(token))
        if token.kind == "string":
            raise _unparseable(f"'{token.text}' is a value, not a field")
        return self._compared(_path(token))

    def _compared(self, path: tuple[str, ...]) -> Node:
        operator = self._tokens[self._at].text
        self._at += 1
        if operator == ":" and self._taken("*"):
            return Comparison(path, operator, "", exists=True)
        if self._taken("("):
            return self._closed(lambda: Comparison(path, operator, self._operand(operator)))
        return Comparison(path, operator, self._operand(operator))

    def _operand(self, operator: str) -> str:
        token = self._pop("path", "string")
        value = _value(token)
        if operator in {"=~", "!~"}:
            _check_pattern(token, value)
        return value

    # tokens

    @property
    def _next(self) -> str:
        return self._tokens[self._at].text if self._at < len(self._tokens) else ""

    def _taken(self, text: str) -> bool:
        found = self._next == text
        self._at += found
        return found

    def _pop(self, *kinds: str) -> _Token:
        if self._at >= len(self._tokens) or self._tokens[self._at].kind not in kinds:
            raise self._unexpected()
        token = self._tokens[self._at]
        if token.text in {"AND", "OR", "NOT"}:
            raise self._unexpected()
        self._at += 1
        return token

    def _unexpected(self) -> Refused:
        if self._at >= len(self._tokens):
            return _unparseable("the filter ends too early")
        token = self._tokens[self._at]
        return _unparseable(
            f"syntax error at line 1, column {token.at + 1}, token '{token.text}'; "
            "a value with special characters must be in double quotes"
        )


def _path(token: _Token) -> tuple[str, ...]:
    """The field's name in parts.  Raises Refused for a field that log entries do not have."""
    parts = tuple(
        _unquoted(part) if part.startswith('"') else part
        for part in re.findall(rf"{_STRING}|{_WORD}", token.text)
    )
    first = _camel(parts[0])
    if first not in FIELDS:
        raise _unparseable(f"Field not found: '{parts[0]}'.")
    return (first, *parts[1:])


def _value(token: _Token) -> str:
    return _unquoted(token.text) if token.kind == "string" else token.text


def _unquoted(text: str) -> str:
    def escape(match: re.Match[str]) -> str:
        code = match[1]
        if code[0] in "xu" and len(code) > 1:
            return chr(int(code[1:], 16))
        return chr(int(code, 8)) if code.isdigit() else _ESCAPES.get(code, code)

    return _ESCAPE.sub(escape, text[1:-1])


def _check_pattern(token: _Token, value: str) -> None:
    if token.kind != "string":
        raise _unparseable(f"the regular expression {value} must be in double quotes")
    try:
        re.compile(value)
    except re.error as error:
        raise _unparseable(f"invalid regular expression '{value}': {error}") from error


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def _unparseable(why: str) -> Refused:
    return invalid("filter", why, message=f"Unparseable filter: {why}")
