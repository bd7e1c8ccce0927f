"""How grave a line is."""

import pytest

from toolkit.core.levels import gravity
from toolkit.core.logs import LogEvent, level


@pytest.mark.parametrize(
    ("said", "number"),
    [("trace", 10), ("Info", 30), ("warning", 40), ("critical", 60), (35, 35), (True, 30), (None, 30), ([], 30), ("?", 30)],
)  # fmt: skip
def test_words_and_numbers_are_one_scale(said: object, number: int) -> None:
    """An agent may write anything there; what is no level is as grave as what says none."""
    assert gravity(said) == number


@pytest.mark.parametrize(
    ("message", "number"),
    [('{"level": "error"}', 50), ('{"level": 20}', 20), ('a "level" in text', 30), ("[1]", 30), ('{"level"', 30)],
)  # fmt: skip
def test_a_line_is_as_grave_as_it_says(message: str, number: int) -> None:
    """A line that is no JSON object says nothing."""
    assert level(LogEvent(time=1, id="a", message=message)) == number
