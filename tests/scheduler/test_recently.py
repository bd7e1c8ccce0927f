"""What was seen last, within bounds."""

from toolkit.scheduler.ledgers._recently import Recently


def test_the_first_is_forgotten_first() -> None:
    """Memory does not grow with the number of runs; putting in again counts as new."""
    seen: Recently[str, int] = Recently(2)
    for key, value in [("a", 1), ("b", 2), ("a", 3), ("c", 4)]:
        seen[key] = value
    assert [seen.pop(key) for key in "abc"] == [3, None, 4]


def test_what_was_taken_is_gone() -> None:
    """Of several threads, one gets it."""
    seen: Recently[str, int] = Recently(2)
    seen["a"] = 1
    assert (seen.pop("a"), seen.pop("a")) == (1, None)
