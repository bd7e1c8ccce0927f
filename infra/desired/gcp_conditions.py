"""IAM's conditions, as far as they ask about the resource: a small part of the Common Expression Language.  Pure.

https://cloud.google.com/iam/docs/conditions-attribute-reference: `resource.name`, `.type`, `.service`; `==`, `!=`,
`startsWith`, `endsWith`, `&&`, `||`, `!` and parentheses.  Anything else is refused, never guessed.  The embedded cloud
judges by it, and what `al` says of rights on Google is judged by the same.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

MOST_OPERATORS = 12  # https://cloud.google.com/iam/quotas


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """What a condition may ask about (https://cloud.google.com/iam/docs/conditions-attribute-reference#resource)."""

    name: str
    type: str
    service: str


Test = Callable[[Resource], bool]
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<name>[A-Za-z_][\w.]*)|(?P<sign>&&|\|\||==|!=|!|\(|\)))"""
)
_ATTRIBUTES = {"resource.name": "name", "resource.type": "type", "resource.service": "service"}


class Malformed(Exception):
    """The expression is not one, or asks more than this evaluator knows; the message says where."""


def holds(expression: str, resource: Resource) -> bool:
    """Whether the condition is met; one that is empty always is."""
    return not expression.strip() or parsed(expression)(resource)


@lru_cache(maxsize=1024)
def parsed(expression: str) -> Test:
    """The expression as a test of a resource.  Raises Malformed."""
    tokens = _tokens(expression)
    if sum(token in {"&&", "||", "!"} for token in tokens) > MOST_OPERATORS:
        raise Malformed(f"more than {MOST_OPERATORS} logical operators")
    return _Parser(tokens).whole()


def texts(expression: str) -> tuple[str, ...]:
    """Everything that it compares with.  Raises Malformed."""
    return tuple(_unquoted(token) for token in _tokens(expression) if token[0] in "'\"")


def _tokens(expression: str) -> tuple[str, ...]:
    found, position, text = [], 0, expression.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise Malformed(f"cannot read '{text[position : position + 20]}'")
        found.append(match.group().strip())
        position = match.end()
    return tuple(found)


class _Parser:
    """Recursive descent over the tokens; a method for each level of CEL's grammar that is here."""

    def __init__(self, tokens: tuple[str, ...]) -> None:
        self._tokens, self._at = tokens, 0

    def whole(self) -> Test:
        test = self._any()
        if self._next:
            raise Malformed(f"'{self._next}' was not expected")
        return test

    def _any(self) -> Test:
        tests = [self._all()]
        while self._taken("||"):
            tests.append(self._all())
        return lambda resource: any(test(resource) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self._taken("&&"):
            tests.append(self._one())
        return lambda resource: all(test(resource) for test in tests)

    def _one(self) -> Test:
        if self._taken("!"):
            test = self._one()
            return lambda resource: not test(resource)
        if self._taken("("):
            test = self._any()
            self._expect(")")
            return test
        if self._next in {"true", "false"}:
            answer = self._pop() == "true"
            return lambda _: answer
        return self._comparison()

    def _comparison(self) -> Test:
        head, dot, function = self._pop().rpartition(".")
        if head in _ATTRIBUTES and function in {"startsWith", "endsWith"}:
            attribute = _ATTRIBUTES[head]
            self._expect("(")
            word = self._text()
            self._expect(")")
            check = str.startswith if function == "startsWith" else str.endswith
            return lambda resource: check(getattr(resource, attribute), word)
        return self._equality(f"{head}{dot}{function}")

    def _equality(self, name: str) -> Test:
        if name not in _ATTRIBUTES:
            raise Malformed(f"'{name}' is not an attribute or function that is known here")
        attribute, sign = _ATTRIBUTES[name], self._pop()
        if sign not in {"==", "!="}:
            raise Malformed(f"'{sign}' cannot compare")
        word = self._text()
        return lambda resource: (getattr(resource, attribute) == word) == (sign == "==")

    @property
    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _pop(self) -> str:
        if not self._next:
            raise Malformed("it ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _taken(self, token: str) -> bool:
        found = self._next == token
        self._at += found
        return found

    def _expect(self, token: str) -> None:
        if not self._taken(token):
            raise Malformed(f"'{token}' is missing before '{self._next}'")

    def _text(self) -> str:
        token = self._pop()
        if token[0] not in "'\"":
            raise Malformed(f"'{token}' is no text")
        return _unquoted(token)


def _unquoted(token: str) -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1])
