"""What looks like a token is masked, although nobody told us of it; and ordinary text stays as it is."""

import pytest

from toolkit.inside.redact import MASK, Redactor

BODY = "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5bC7d"  # 40 characters
KEY = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{BODY}\n{BODY}\n-----END OPENSSH PRIVATE KEY-----"


def shown(text: str) -> str:
    return Redactor().text(text)


@pytest.mark.parametrize(
    "token",
    [
        f"ghp_{BODY}",
        f"ghs_{BODY}",
        f"github_pat_{BODY}",
        f"glpat-{BODY[:20]}",
        f"sk-ant-api03-{BODY}",
        f"sk-proj-{BODY}",
        f"gsk_{BODY}",
        f"xai-{BODY}",
        f"AIza{BODY[:35]}",
        f"hf_{BODY[:34]}",
        f"xoxb-1234567890-{BODY[:20]}",
        f"lin_api_{BODY}",
        "AKIAIOSFODNN7EXAMPLE",
        f"npm_{BODY[:36]}",
        f"sk_live_{BODY}",
        f"whsec_{BODY}",
        f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.{BODY}",
    ],
)
def test_a_token_of_a_known_shape_is_masked(token: str) -> None:
    """Wherever it stands, and nothing around it."""
    assert shown(f"it is {token}.") == f"it is {MASK}."
    assert shown(f'{{"a":"{token}"}}') == f'{{"a":"{MASK}"}}'
    assert shown(token) == MASK


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"Authorization: Bearer {BODY}", f"Authorization: Bearer {MASK}"),
        (f"authorization: bearer {BODY}", f"authorization: bearer {MASK}"),
        ("https://user:hunter2@host/x", f"https://user:{MASK}@host/x"),
        ("postgres://:hunter2@host/x", f"postgres://:{MASK}@host/x"),
        ("FORGE_TOKEN=0123456789", f"FORGE_TOKEN={MASK}"),
        ("export GH_TOKEN='0123456789'", f"export GH_TOKEN='{MASK}'"),
        ("DB_PASSWORD: correct-horse", f"DB_PASSWORD: {MASK}"),
        ('"VAULT_SECRET_ID": "0123456789"', f'"VAULT_SECRET_ID": "{MASK}"'),
        ('{"client_secret": "a b c d e"}', f'{{"client_secret": "{MASK}"}}'),
        ('{"access_token":"0123456789"}', f'{{"access_token":"{MASK}"}}'),
    ],
)
def test_a_value_is_masked_for_its_name_or_its_place(text: str, expected: str) -> None:
    """The name, the user and the host stay: they tell where to look."""
    assert shown(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "task-force-one-is-a-long-name-of-something",
        "commit 0123456789abcdef0123456789abcdef01234567",
        "id 123e4567-e89b-12d3-a456-426614174000",
        "TOKEN=$GITHUB_TOKEN and SECRET=${OTHER} and TOKEN=$(cat file)",
        "MAX_TOKENS=100000000 inputTokens: 123456789",
        "the API_KEY must be set",
        "bearer of bad news, and a password of eight letters",
        "mail a@b.example: https://host/path?x=1#y, git@github.com:owner/name.git",
        "/usr/lib/python3/dist-packages/some_package/with_a_long_name/module.py",
        '{"token": "short", "total_tokens": 1234567890}',
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    """A log that is masked away helps nobody."""
    assert shown(text) == text


def test_a_private_key_is_masked_whole() -> None:
    """Also one that the agent has just made: its lines stay lines."""
    assert shown(f"made:\n{KEY}\ndone") == f"made:\n{MASK}\n{MASK}\n{MASK}\n{MASK}\ndone"


def test_a_private_key_that_comes_line_by_line_is_masked() -> None:
    """What follows its first line waits for the last."""
    stream = Redactor().stream()
    parts = [stream.feed(f"{line}\n") for line in ("before", *KEY.split("\n"), "after")]
    assert parts[0] == "before\n"
    assert "".join(parts) == f"before\n{MASK}\n{MASK}\n{MASK}\n{MASK}\nafter\n"


def test_a_private_key_without_end_is_not_waited_for_for_ever() -> None:
    """Sixteen kilobytes are more than any key has."""
    stream = Redactor().stream()
    stream.feed("-----BEGIN PRIVATE KEY-----\n")
    assert "".join(stream.feed("it goes on\n") for _ in range(2000)).count("goes") > 1000


@pytest.mark.parametrize("cut", range(1, 45, 7))
def test_a_token_in_two_pieces_is_masked(cut: int) -> None:
    """Wherever the pipe cuts it, also in a line that is too long to be held."""
    token, stream = f"ghp_{BODY}", Redactor().stream()
    text = "." * 30_000 + " "
    printed = stream.feed(text + token[:cut]) + stream.feed(f"{token[cut:]}{' .' * 10_000}")
    assert printed + stream.close() == f"{text}{MASK}{' .' * 10_000}"


@pytest.mark.parametrize(
    "made_up",
    [
        "TOKEN_",
        "SECRET",
        "API_KEY=",
        'token" ',
        "sk-",
        "-eyJ",
        "Bearer ",
        "://a:b",
        KEY[:35] + "\n",
    ],
)
def test_no_text_keeps_a_run_busy(made_up: str) -> None:
    """Whoever writes an issue chooses what a run prints: 300,000 characters are read once, not once for each of them."""
    assert shown(f"{made_up * (300_000 // len(made_up))} ghp_{BODY}").endswith(f" {MASK}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('TOKEN=abcdefghTOKEN="0123456789"', f'TOKEN={MASK}"{MASK}"'),
        ("TOKEN_TOKEN_2=0123456789", f"TOKEN_TOKEN_2={MASK}"),
        (f"sk-{BODY}-eyJ{BODY}.{BODY}", MASK),
    ],
)
def test_a_secret_that_begins_within_another_is_masked_to_its_end(text: str, expected: str) -> None:
    """Also where it goes on behind that one."""
    assert shown(text) == expected
