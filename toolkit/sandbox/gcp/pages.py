"""Lists in pages: https://google.aip.dev/158."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any, TypeVar

from .refusals import invalid

T = TypeVar("T")


def page(found: Sequence[T], asked: Any, longest: int, most: int = 0) -> tuple[Sequence[T], str]:
    """The part of `found` that a request with page_size and page_token is answered with, and the next token.

    `longest` is the service's own limit, `most` what the sandbox's settings add.  Raises Refused for a bad token.
    """
    if asked.page_size < 0:
        raise invalid("page_size", "must not be negative")
    start = _start(asked.page_token)
    size = min(asked.page_size or longest, longest, most or longest)
    end = start + size
    return found[start:end], _token(end) if end < len(found) else ""


def _token(start: int) -> str:
    return base64.urlsafe_b64encode(f"al:{start}".encode()).decode()


def _start(token: str) -> int:
    if not token:
        return 0
    try:
        head, _, number = base64.urlsafe_b64decode(token).decode().partition(":")
        if head == "al":
            return int(number)
    except (ValueError, binascii.Error):
        pass
    raise invalid("page_token", "is not a token of this service")
