"""What AWS documents, as the values that every room checks against."""

import pytest

from toolkit.core.aws_limits import secret_name_problem


@pytest.mark.parametrize("character", [" ", ":", "ü", "\n"])
def test_a_secret_s_name_has_letters_digits_and_a_few_signs(character: str) -> None:
    """CreateSecret: letters, digits and /_+=.@-.

    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
    """
    assert secret_name_problem(f"a{character}b").startswith("has characters other than")


def test_a_secret_s_name_has_at_most_256_characters() -> None:
    """SecretNameType, which the operations other than CreateSecret take.

    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
    """
    assert secret_name_problem("x" * 256) == ""
    assert secret_name_problem("x" * 257) == "is longer than 256 characters"


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("agent-abcdef", True),
        ("acme-github", True),
        ("a/b-123456", True),
        ("acme-github/token", False),
        ("agent-abcde", False),
        ("agent-abcdefg", False),
        ("agent_abcdef", False),
    ],
)
def test_a_secret_s_name_does_not_end_like_an_arn(name: str, refused: bool) -> None:
    """A hyphen and six characters at the end are taken for an ARN's random suffix.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html
    """
    assert bool(secret_name_problem(name)) is refused
