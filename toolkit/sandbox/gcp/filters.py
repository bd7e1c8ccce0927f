"""Filters of lists, as far as `al` asks: labels and parts of names, all of which must hold.

https://cloud.google.com/secret-manager/docs/filtering and https://google.aip.dev/160.  Anything more is refused, not
guessed.
"""

import re
from collections.abc import Callable, Mapping

from .refusals import invalid

Wanted = Callable[[str, Mapping[str, str]], bool]
_TERM = re.compile(
    r'(?:labels\.(?:"(?P<quoted>[^"]+)"|(?P<key>[\w-]+))|(?P<name>name))(?P<sign>=|:)(?:"(?P<text>[^"]*)"|(?P<word>[^\s"()]+))'
)


def labelled(text: str) -> Wanted:
    """`labels.al-project=shop AND name:run` as a test of a name and its labels.  Raises Refused."""
    terms = [_term(part) for part in re.split(r"\s+AND\s+|\s+", text.strip()) if part]
    return lambda name, labels: all(term(name, labels) for term in terms)


def _term(text: str) -> Wanted:
    match = _TERM.fullmatch(text)
    if match is None:
        raise invalid("filter", f"'{text}' is more than the sandbox understands")
    word = match["text"] if match["text"] is not None else match["word"]
    if match["name"]:
        return lambda name, _: word in name if match["sign"] == ":" else word == name
    key = match["quoted"] or match["key"]
    if word == "*":
        return lambda _, labels: key in labels
    return lambda _, labels: labels.get(key) == word
