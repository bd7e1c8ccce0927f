"""A run's id is short, so that a new one may be another run's."""

from toolkit.core.agent import AgentName
from toolkit.core.run import RunId


def test_an_id_that_is_known_is_not_given_again() -> None:
    """Another is made, until one is nobody's."""
    asked: list[RunId] = []
    answers = iter([True, True, False])

    def known(run: RunId) -> bool:
        asked.append(run)
        return next(answers)

    assert RunId.unused(AgentName("dev"), known) == asked[-1]
    assert len(set(asked)) == 3
