"""A Dockerfile's instructions, each with the lines that it stands on.  Pure; knows no instruction's meaning.

https://docs.docker.com/reference/dockerfile/: comments, the `escape` directive, lines that go on, and here-documents,
whose lines are no instructions whatever they look like.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_DIRECTIVE = re.compile(r"#\s*(?P<name>[A-Za-z]+)\s*=\s*(?P<value>\S+)\s*")
_INSTRUCTION = re.compile(r"(?P<word>[A-Za-z]+)\s+(?P<rest>.*)", re.DOTALL)
_HERE = re.compile(r"<<(?P<dash>-?)(?P<quote>[\"']?)(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P=quote)")
_WITH_DOCUMENTS = ("RUN", "COPY", "ADD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """`word` in capitals; `rest` on one line.  It stands on lines[first:end]."""

    word: str
    rest: str
    first: int
    end: int


def instructions(lines: Sequence[str]) -> Iterator[Instruction]:
    """In their order; what is none of these is left out: the builder will say so."""
    escape, at = _escape(lines), 0
    while at < len(lines):
        if not _counts(lines[at]):
            at += 1
            continue
        text, end = _joined(lines, at, escape)
        if found := _INSTRUCTION.fullmatch(text.strip()):
            word = found["word"].upper()
            end = _after_documents(lines, end, found["rest"]) if word in _WITH_DOCUMENTS else end
            yield Instruction(word=word, rest=found["rest"].strip(), first=at, end=end)
        at = end


def _counts(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _escape(lines: Sequence[str]) -> str:
    """What makes a line go on: only a directive before all else can change it."""
    for line in lines:
        if not (found := _DIRECTIVE.fullmatch(line.strip())):
            break
        if found["name"].lower() == "escape":
            return found["value"]
    return "\\"


def _joined(lines: Sequence[str], first: int, escape: str) -> tuple[str, int]:
    """An instruction on one line, and where the next one may begin.  Empty lines and comments within are passed over."""
    text, at = "", first
    while at < len(lines):
        line, at = lines[at].rstrip(), at + 1
        if text and not _counts(line):
            continue
        if not line.endswith(escape):
            return text + line, at
        text += line.removesuffix(escape) + " "
    return text, at


def _after_documents(lines: Sequence[str], at: int, rest: str) -> int:
    """Behind the last line of what `<<NAME` begins."""
    for found in _HERE.finditer(rest):
        while at < len(lines):
            line, at = lines[at].rstrip("\r"), at + 1
            if (line.lstrip("\t") if found["dash"] else line) == found["name"]:
                break
    return at
