"""Redaction, on its own: whatever the pieces, a secret does not come through, and nothing else is lost."""

import base64
import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.inside.lines import Log
from toolkit.inside.output import Lines
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


TOKEN = "hunter2-" + "".join(chr(65 + n * 7 % 26) for n in range(32))


@given(cut=st.integers(8, len(TOKEN) - 1), end=st.sampled_from(["\n", "\r\n"]))
def test_a_secret_on_two_lines_is_masked_on_both(cut: int, end: str) -> None:
    """As a terminal or `fold` breaks it: the first line waits for the second, and the lines stay two."""
    stream = Redactor([TOKEN]).stream()
    printed = stream.feed(f"a {TOKEN[:cut]}{end}") + stream.feed(f"{TOKEN[cut:]} b\n")
    assert printed == f"a {MASK}\n{MASK} b\n"


def test_of_a_secret_that_breaks_early_the_rest_is_masked() -> None:
    """A line is not held for the few characters that may begin a secret, but they are remembered."""
    stream = Redactor([TOKEN]).stream()
    assert stream.feed(f"{TOKEN[:5]}\n") == f"{TOKEN[:5]}\n"
    assert stream.feed(f"{TOKEN[5:]}\n") == f"{MASK}\n"


@pytest.mark.parametrize("width", [20, 64, 76])
def test_base64_of_any_width_is_masked(width: int) -> None:
    """openssl breaks lines at 64 characters, coreutils at 76."""
    text = base64.b64encode(f"{TOKEN}\nsecond line of it".encode()).decode().rstrip("=")
    lines = [text[at : at + width] for at in range(0, len(text), width)]
    shown = Redactor([f"{TOKEN}\nsecond line of it"]).text("\n".join(lines))
    assert shown.split("\n") == [MASK] * len(lines)


def test_a_part_of_a_long_key_is_masked() -> None:
    """`head -c` and `cut` leave nothing but the edges, which no whole piece fills."""
    key = "".join(chr(33 + n * n % 90) for n in range(400))
    shown = Redactor([key]).text(f"<{key[50:300]}>")
    assert shown.startswith("<")
    assert MASK in shown
    assert len(shown) < 2 * 32 + len(MASK)


def test_touching_secrets_are_one_mask_however_they_come() -> None:
    """Nobody sees how many there were."""
    stream = Redactor(["aaaabbbb", "ccccdddd"]).stream()
    pieces = ["x" * 20_000 + "aaaab", "bbbcccc", "dddd" + "x" * 20_000, "aaaabbbb"]
    printed = "".join(stream.feed(piece) for piece in pieces) + stream.close()
    assert printed == f"{'x' * 20_000}{MASK}{'x' * 20_000}{MASK}"


def test_a_line_without_end_is_given_out_in_parts() -> None:
    """A hundred megabytes are never held: at most a line's worth, and no secret is cut by it."""
    stream = Redactor([TOKEN]).stream()
    block = "." * 5_000 + TOKEN
    parts = [stream.feed(block) for _ in range(40)]
    assert max(map(len, parts)) < 40_000
    assert "".join(parts) + stream.close() == ("." * 5_000 + MASK) * 40


def test_of_a_json_secret_the_keys_inside_are_secrets() -> None:
    """`jq -r .private_key` prints real line ends where the file has escapes; who it belongs to is no secret."""
    inner = "-----BEGIN X-----\nline-one-of-it\nline-two-of-it\n-----END X-----\n"
    value = json.dumps({"type": "service_account", "a": {"private_key": inner}, "client": "bot-7"})
    shown = Redactor([value]).text(f"{inner}bot-7 service_account")
    assert shown == f"{MASK}\n" * 4 + "bot-7 service_account"


def test_json_that_a_go_program_prints_is_masked() -> None:
    """It escapes three letters more: https://pkg.go.dev/encoding/json#HTMLEscape."""
    assert Redactor(['a&b<"é>c']).text('["a\\u0026b\\u003c\\"é\\u003ec"]') == f'["{MASK}"]'


@pytest.mark.parametrize("form", ["p%40ss+w%2Frd%21", "p%40ss%20w/rd%21", "p%40ss%20w%2Frd!"])
def test_every_way_to_quote_is_known(form: str) -> None:
    """In forms, in paths, and as JavaScript does it."""
    assert Redactor(["p@ss w/rd!"]).text(form) == MASK


@pytest.mark.parametrize("secret", ["é" * 4, "schlüssel-müßig", "пароль", "密码密码密码密码密码"])
def test_secrets_are_not_always_ascii(secret: str) -> None:
    """Characters of several bytes, wherever they begin."""
    text = "".join(f"{'x' * n}{secret} é" for n in range(9))
    assert secret not in Redactor([secret]).text(text)


@given(
    secrets=st.lists(st.text(min_size=4, max_size=80), max_size=5),
    text=st.text(max_size=30),
    number=st.integers(0, 4),
)
def test_whatever_the_secret_it_is_found(secrets: list[str], text: str, number: int) -> None:
    """In any script, of any length, at any place."""
    lines = [line.strip() for s in secrets for line in s.splitlines() if len(line.strip()) >= 4]
    inside = (lines or ["none"])[number % max(1, len(lines))]
    shown = Redactor(secrets, shapes=False).text(f"{text}{inside}{text}")
    assert (lines == []) or inside not in shown.replace(MASK, "\0")


def test_output_of_a_process_that_is_older_than_the_secrets_is_masked() -> None:
    """A session is started before the run has read its secret, and may print it later, in a library's traceback."""
    log = Log("run", write=lambda _data: None)
    lines = Lines(log)
    assert list(lines.feed(b"loading\nhalf a line: ")) == [{"text": "loading"}]
    log.redactor = Redactor([TOKEN])
    assert list(lines.feed(f"{TOKEN}\n".encode())) == [{"text": f"half a line: {MASK}"}]
