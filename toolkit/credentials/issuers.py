"""Asking issuers whether they take a credential: one GET each, and only when the user wants them asked.

A value goes to the issuer of its own type and to nobody else: redirects are not followed.  Nothing that a library says
of a failed request gets into an answer, because it may quote a header.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from toolkit.core.credential import Probe
from toolkit.core.secrets import Secret

SECONDS = 10.0  # for one answer


class Verdict(StrEnum):
    TAKEN = "taken"
    REFUSED = "refused"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an issuer said, in words without values."""

    verdict: Verdict
    words: str = ""


def ask(
    probe: Probe,
    values: Mapping[str, Secret],
    *,
    base: str | None = None,
    seconds: float = SECONDS,
) -> Answer | None:
    """The issuer's answer, or None where a field that the question needs is missing.

    `base` stands for the issuer's own scheme and host.  Raises nothing: what fails decides nothing.
    """
    import httpx

    plain = {name: value.reveal() for name, value in values.items()}
    if bad := sorted(name for name, value in plain.items() if not _fits_a_header(value)):
        words = (
            f"{', '.join(bad)} holds a line break or another character that no HTTP header takes"
        )
        return Answer(verdict=Verdict.REFUSED, words=words)
    try:
        headers = {name: text.format(**plain) for name, text in probe.headers.items()}
    except KeyError:
        return None
    host = urlsplit(base or probe.url).netloc
    try:
        # without trust in the environment for a stand-in of one's own: no proxy leads to this machine
        answer = httpx.get(
            _url(probe.url, base),
            headers=headers,
            timeout=seconds,
            follow_redirects=False,
            trust_env=base is None,
        )
    except httpx.HTTPError as error:
        words = f"{host} could not be asked ({type(error).__name__})"
        return Answer(verdict=Verdict.UNDECIDED, words=words)
    return _judged(probe, host, answer)


def _fits_a_header(value: str) -> bool:
    return value.isascii() and value.isprintable()


def _url(url: str, base: str | None) -> str:
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    return url if base is None else f"{base.rstrip('/')}{parts.path}{query}"


def _judged(probe: Probe, host: str, answer: Any) -> Answer:
    status = answer.status_code
    if status in probe.refused:
        return Answer(verdict=Verdict.REFUSED, words=f"{host} does not take it ({status})")
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Answer(
            verdict=Verdict.UNDECIDED, words=f"{host} answered {status}, which decides nothing"
        )
    if probe.agrees and _field(answer, probe.agrees) is not True:
        return Answer(verdict=Verdict.REFUSED, words=f"{host} does not take it")
    return Answer(verdict=Verdict.TAKEN)


def _field(answer: Any, name: str) -> Any:
    """A field of an answer in JSON; None where it is none."""
    try:
        found = answer.json()
    except ValueError:
        return None
    return found.get(name) if isinstance(found, dict) else None
