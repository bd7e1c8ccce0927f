"""What tokens look like: secrets that nobody told us of, known by their beginning, their name or their place.

Tokens of well-known services, JSON web tokens, what follows `Bearer`, passwords in addresses, private keys, and what is
assigned to a name such as GITHUB_TOKEN.  Names and hosts stay readable; variable references (`$NAME`) are no secrets.
"""

import re
from collections.abc import Iterator
from functools import cache

Span = tuple[int, int]
_RUN = 20  # characters without a gap: no known token has fewer
_TOKEN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
_RUNS = bytes(ord("a") if byte in _TOKEN else ord(" ") for byte in range(256))
_BEFORE = 64  # characters before a run or an @ in which its beginning is looked for
_BEGINNING = (
    r"(?<![A-Za-z0-9])(?:gh[opsur]_|github_pat_|glpat-|g?sk[_-]|xai-|AIza|hf_|xox|xapp-|lin_|sntry|AKIA|ASIA|"
    r"GOCSPX-|dop_|nfp_|npm_|pypi-|[rs]k_|whsec_|shp|AGE-|eyJ)"
)
_FIRST = frozenset("gsxAhlGdnpwre")  # characters of those
_KNOWN = (
    r"(?:"
    r"gh[opsur]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|glpat-[\w-]{20,}|"  # GitHub, GitLab
    r"sk-[\w-]{20,}|gsk_\w{20,}|xai-\w{20,}|AIza[\w-]{30,}|hf_[A-Za-z0-9]{30,}|"  # models
    r"xox[abeoprs]-[\w-]{15,}|xapp-[\w-]{15,}|lin_(?:api|oauth)_\w{20,}|sntry[su]_[\w=-]{20,}|"
    r"(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])|GOCSPX-[\w-]{20,}|dop_v1_\w{30,}|nfp_\w{30,}|"
    r"npm_[A-Za-z0-9]{30,}|pypi-[\w-]{30,}|[rs]k_(?:live|test)_\w{16,}|whsec_[\w+/=-]{20,}|"
    r"shp(?:at|ss|ca|pa)_\w{30,}|AGE-SECRET-KEY-1\w{30,}|"
    r"eyJ[\w-]{16,}\.[\w-]{8,}(?:\.[\w-]+)?)"  # https://www.rfc-editor.org/rfc/rfc7519
)
_BEARERS = ("earer ", "EARER ")
_BEARER = r"(?i:earer )\s*([\w.~+/=-]{20,})"  # https://www.rfc-editor.org/rfc/rfc6750#section-2.1
_ADDRESS = r"://[^\s/:@]*:([^\s/@]+)@"
_NAMES = ("TOKEN", "SECRET", "PASSW", "API_KEY", "ACCESS_KEY", "PRIVATE_KEY")
# no part of a name can be read in two ways, and none is long: whatever is looked at, somebody may have made it up
_ASSIGNED = (
    r"(?![A-Z]{0,64}S\s?[=:])[A-Z_][A-Z]{0,64}+(?:_[A-Z0-9_]{0,64}+)?+"
    r"[\"']?\s?[=:]\s?[\"']?([^\s\"'$<>{}()*]{8,})"
)
_QUOTED = ('oken"', 'ecret"', 'assword"', 'api_key"', 'rivate_key"')
_VALUE = r"\w+\"\s*:\s*\"((?:[^\"\\\n]|\\.){8,})\""
_KEY_BEGIN, _KEY_END = "-----BEGIN ", "PRIVATE KEY-----"
_HEAD, _FOOT = (f"-----{word} [A-Z ]*PRIVATE KEY-----" for word in ("BEGIN", "END"))


def spans(text: str) -> Iterator[Span]:
    """Where the secret parts are, in no order, and perhaps overlapping."""
    yield from tokens(text)
    yield from _named(text)
    if "@" in text:
        yield from _addresses(text)


def tokens(text: str) -> Iterator[Span]:
    """Those that are no mistake: what is known by its beginning, and private keys."""
    yield from _known(text)
    if _KEY_END in text:
        yield from _keys(text)


def open_key(text: str) -> int:
    """Where a private key begins whose end is not there yet; the text's length when there is none."""
    end = text.rfind(_KEY_END)
    begin = text.rfind(_KEY_BEGIN, 0, max(end, 0))
    opened = begin >= 0 and end - begin < _BEFORE and "\n" not in text[begin:end]
    return begin if opened else len(text)


def _keys(text: str) -> Iterator[Span]:
    head = _compiled(_HEAD).search(text)
    while head and (foot := _compiled(_FOOT).search(text, head.end())):
        yield head.start(), foot.end()
        head = _compiled(_HEAD).search(text, foot.end())


def _known(text: str) -> Iterator[Span]:
    """By the long runs of characters that tokens consist of: most text has hardly any."""
    runs = text.encode("ascii", "replace").translate(_RUNS) + b" "
    start = runs.find(b"a" * _RUN)
    while start >= 0:
        end = runs.find(b" ", start)
        run = text[start:end]
        # a token begins where its run does, or behind a hyphen or an underscore in it
        if run[0] in _FIRST or "_" in run or "-" in run:
            yield from _in_run(text, start, end)
        before = max(0, start - 6)
        if text.startswith(_BEARERS, before) and (match := _compiled(_BEARER).match(text, before)):
            yield match.span(1)
        start = runs.find(b"a" * _RUN, end)


def _in_run(text: str, start: int, end: int) -> Iterator[Span]:
    """One that begins within another of its kind ends with it, and is not read again."""
    read = dict[str, int]()
    for beginning in _compiled(_BEGINNING).finditer(text, start, end):
        at, kind = beginning.start(), beginning.group()
        if at < read.get(kind, 0):
            continue
        # it may go on behind the run, at a full stop
        if match := _compiled(_KNOWN).match(text, at):
            read[kind] = match.end()
            yield match.span()
        elif kind == "eyJ":  # what this one lacks, at the run's end, those after it lack, too
            read[kind] = end


def _named(text: str) -> Iterator[Span]:
    for names, pattern in ((_NAMES, _ASSIGNED), (_QUOTED, _VALUE)):
        for name in names:
            start = text.find(name)
            while start >= 0:
                behind = start + 1
                if match := _compiled(pattern).match(text, start):
                    yield match.span(1)
                    # of the names within the value, only the last can have one that ends elsewhere
                    behind = max(behind, text.rfind(name, behind, match.end()))
                start = text.find(name, behind)


def _addresses(text: str) -> Iterator[Span]:
    at = text.find("@")
    while at >= 0:
        begin = text.rfind("://", max(0, at - 4 * _BEFORE), at)
        if begin >= 0 and (match := _compiled(_ADDRESS).match(text, begin)):
            yield match.span(1)
        at = text.find("@", at + 1)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
