"""Redaction, on its own: whatever the pieces, a secret does not come through, and nothing else is lost."""

import base64
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.inside.redact import MASK, Redactor

texts = st.text(alphabet="abx\n", max_size=60)
secrets = st.lists(st.text(alphabet="abx", min_size=4, max_size=9), min_size=1, max_size=4)


@given(secrets=secrets, text=texts, cuts=st.lists(st.integers(0, 60), max_size=8))
def test_pieces_give_what_the_whole_gives(secrets: list[str], text: str, cuts: list[int]) -> None:
    """Where a stream is cut changes nothing: no secret slips through a seam, no text is held for ever."""
    redactor = Redactor(secrets)
    stream, edges = redactor.stream(), sorted({0, len(text), *(c for c in cuts if c < len(text))})
    printed = "".join(stream.feed(text[a:b]) for a, b in pairwise(edges))
    printed += stream.close()
    assert printed == redactor.text(text)
    assert not [secret for secret in secrets if secret in printed]


@given(
    before=st.binary(max_size=7),
    secret=st.text(min_size=9, max_size=40),
    after=st.binary(max_size=7),
)
def test_base64_of_anything_around_a_secret_hides_it(
    before: bytes, secret: str, after: bytes
) -> None:
    """Whatever stands before and behind it, at each of the three alignments."""
    value = secret.strip()
    text = base64.b64encode(before + value.encode() + after).decode()
    shown = Redactor([secret]).text(text)
    assert len(value) < 9 or "\n" in value or MASK in shown


def test_a_line_is_not_held_back_for_the_next() -> None:
    """Nothing of a secret spans lines, so a whole line is printed at once."""
    assert Redactor(["abcdef"]).stream().feed("abc\nab") == "abc\n"


def test_a_shorter_secret_inside_a_longer_one_leaves_no_rest() -> None:
    """The longer one is masked whole, also when it comes in pieces."""
    stream = Redactor(["abcd", "abcdefgh"]).stream()
    assert stream.feed("abcd") + stream.feed("efgh.") + stream.close() == f"{MASK}."


def test_overlapping_secrets_are_one_mask() -> None:
    """The end of one is the beginning of another: nothing of either is left."""
    assert Redactor(["aaxx", "xxbb"]).text("-aaxxbb-") == f"-{MASK}-"


def test_short_values_are_left_alone() -> None:
    """Three letters would blot out the log."""
    assert Redactor(["abc", ""]).text("abc abc") == "abc abc"


@pytest.mark.parametrize("form", ["p%40ss%2Fw%22rd", 'p@ss/w\\\\"rd'.replace("\\\\", "\\")])
def test_quoted_forms_are_masked(form: str) -> None:
    """In an address, and in JSON."""
    assert Redactor(['p@ss/w"rd']).text(f"<{form}>") == f"<{MASK}>"


def test_wrapped_base64_is_masked() -> None:
    """coreutils' base64 breaks its output at 76 characters."""
    value = "".join(chr(33 + n % 90) for n in range(200))
    wrapped = base64.encodebytes(value.encode()).decode()
    shown = Redactor([value]).text(wrapped)
    assert set(shown.replace("\n", "").replace("*", "").replace("=", "")) == set()


def test_values_inside_json_are_masked() -> None:
    """Strings at any depth; keys and numbers stay."""
    value = {"a": ["x token1 y", 7], "b": {"c": "token1"}}
    assert Redactor(["token1"]).value(value) == {"a": [f"x {MASK} y", 7], "b": {"c": MASK}}
