"""The lines before backends: who may begin, who waits where, and what nobody can do to anybody else."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.core.clock import iso
from toolkit.core.run import RunId
from toolkit.llm.backend import Backend
from toolkit.scheduler import line as lines
from toolkit.scheduler.line import Asking, Lines, Standing

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
GPU, CPU = Backend(id="gpu"), Backend(id="cpu")
WIDE = Backend(id="gpu", limit=2)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def run(number: int) -> RunId:
    return RunId(f"dev-{number:08x}")


def asking(
    number: int, *backends: Backend, created: float | None = None, caller: int | None = None
) -> Asking:
    """The older its number, the older its wish."""
    return Asking(
        run=run(number),
        created=iso(at(number if created is None else created)),
        backends=backends or (GPU,),
        caller=None if caller is None else run(caller),
    )


def enter(known: Lines, *asked: Asking, moment: float = 100) -> tuple[Lines, list[bool]]:
    """All of them, one after the other."""
    answers: list[bool] = []
    for one in asked:
        known, now = lines.entered(known, one, at(moment))
        answers.append(now)
    return known, answers


def stands(known: Lines, number: int, moment: float = 100) -> Standing:
    found = lines.standing(known, run(number), at(moment))
    assert found is not None
    return found


def test_a_backend_bears_as_many_sessions_as_it_says() -> None:
    """One, or its limit; whoever comes then waits."""
    assert enter({}, asking(1), asking(2))[1] == [True, False]
    assert enter({}, asking(1, WIDE), asking(2, WIDE), asking(3, WIDE))[1] == [True, True, False]


def test_different_backends_know_nothing_of_each_other() -> None:
    assert enter({}, asking(1, GPU), asking(2, CPU))[1] == [True, True]


def test_asking_again_changes_nothing() -> None:
    """Neither for who has it nor for who waits: a launcher that died may ask once more."""
    first, _ = enter({}, asking(1), asking(2))
    again, answers = enter(first, asking(1), asking(2), asking(1))
    assert (again, answers) == (first, [True, False, True])


def test_who_waits_is_told_its_place_and_who_is_there() -> None:
    """Positions count from one; the time is that of its first wish."""
    known, _ = enter({}, asking(1), asking(2), asking(3))
    found = stands(known, 3, moment=160)
    assert (found.backend, found.position, found.since) == ("gpu", 2, iso(at(100)))
    assert [place.run for place in found.holders] == [run(1)]
    assert lines.standing(known, run(1), at(160)) is None


def test_the_oldest_wish_goes_first() -> None:
    """Whoever asks at the right moment does not overtake who was there before."""
    known, _ = enter({}, asking(9), asking(3), asking(2))
    freed = lines.left(known, run(9))
    assert enter(freed, asking(4), asking(3), asking(2))[1] == [False, False, True]


def test_who_leaves_frees_the_place_and_the_line() -> None:
    """However it ended; where nobody is left nothing is kept."""
    known, _ = enter({}, asking(1), asking(2))
    assert enter(lines.left(known, run(2)), asking(3))[1] == [False]
    assert lines.left(lines.left(known, run(1)), run(2)) == {}
    assert lines.to_fact({}) is None


def test_several_backends_are_had_together_or_not_at_all() -> None:
    """Nothing is held while something else is waited for."""
    known, answers = enter({}, asking(1, CPU), asking(2, GPU, CPU))
    assert answers == [True, False]
    assert not known["gpu"].held
    freed = lines.left(known, run(1))
    assert enter(freed, asking(2, GPU, CPU))[1] == [True]


def test_who_waits_for_two_keeps_its_place_in_both() -> None:
    """Younger ones that want only one of them cannot starve it."""
    known, _ = enter({}, asking(1, CPU), asking(2, GPU, CPU))
    known, answers = enter(known, asking(3, GPU))
    assert answers == [False]
    assert stands(known, 3).position == 2


def test_nobody_waits_for_one_that_nobody_asks_for_any_more() -> None:
    """Its scheduler is gone: it does not keep the others back."""
    known, _ = enter({}, asking(1), asking(2))
    freed = lines.left(known, run(1))
    silent = 100 + lines.UNSEEN.total_seconds()
    assert enter(freed, asking(3), moment=silent - 1)[1] == [False]
    assert enter(freed, asking(3), moment=silent)[1] == [True]


def test_one_that_is_stopped_keeps_nobody_back_until_it_asks_again() -> None:
    """Its place and its time stay; what it has it keeps."""
    known, _ = enter({}, asking(1), asking(2), asking(3))
    hushed = lines.silenced(known, run(1), run(2))
    assert stands(lines.left(hushed, run(1)), 3).position == 1
    again, _ = enter(hushed, asking(2))
    assert (stands(again, 2).position, stands(again, 3).position) == (1, 2)
    assert lines.holders(hushed).keys() == {run(1)}


def test_one_that_is_called_off_keeps_what_it_has() -> None:
    """It may be beginning just now: only who waits leaves."""
    known, _ = enter({}, asking(1), asking(2))
    rest = lines.called_off(known, run(1), run(2))
    assert (list(lines.holders(rest)), lines.waiters(rest)) == ([run(1)], {})


def test_a_caller_lends_its_place_to_the_run_it_called() -> None:
    """Else both would wait for each other until the caller's time is over."""
    known, answers = enter({}, asking(1), asking(2), asking(3, caller=1))
    assert answers == [True, False, True]
    assert known["gpu"].taken == 1


def test_a_caller_lends_its_place_to_one_at_a_time() -> None:
    """And whoever has borrowed it may lend it on."""
    known, answers = enter({}, asking(1), asking(2, caller=1), asking(3, caller=1))
    assert answers == [True, True, False]
    assert enter(known, asking(4, caller=2))[1] == [True]


def test_a_called_run_outlives_its_caller_in_a_place_of_its_own() -> None:
    """The place is not given to two when the one who lent it goes."""
    known, _ = enter({}, asking(1), asking(2, caller=1))
    alone = lines.left(known, run(1))
    assert alone["gpu"].taken == 1
    assert enter(alone, asking(3))[1] == [False]


def test_a_called_run_takes_a_free_place_before_its_callers() -> None:
    """Where a backend bears two, they are two sessions."""
    known, answers = enter({}, asking(1, WIDE), asking(2, WIDE, caller=1), asking(3, WIDE))
    assert answers == [True, True, False]
    assert known["gpu"].taken == 2


def test_callers_that_hold_each_others_backends_are_seen() -> None:
    """Each has called an agent that works where the other is: neither of the called ones can ever begin."""
    known, _ = enter({}, asking(1, GPU), asking(2, CPU), asking(3, CPU, caller=1))
    assert lines.stuck(known, at(100)) == set()
    known, _ = enter(known, asking(4, GPU, caller=2))
    assert lines.stuck(known, at(100)) == {run(3), run(4)}


def test_who_waits_behind_others_that_end_is_not_stuck() -> None:
    """Nor the second of two that one caller has called, nor where one of two sessions ends."""
    known, _ = enter({}, asking(1), asking(2, caller=1), asking(3, caller=1), asking(4))
    assert lines.stuck(known, at(100)) == set()
    wide, _ = enter({}, asking(1, WIDE), asking(5, WIDE), asking(2, CPU), asking(3, CPU, caller=1))
    wide, _ = enter(wide, asking(4, WIDE, caller=2))
    assert lines.stuck(wide, at(100)) == set()


def test_who_is_kept_back_is_known_without_asking() -> None:
    """Those whose turn it is are not among them."""
    known, _ = enter({}, asking(1), asking(2), asking(3))
    assert lines.kept_back(known, at(100)) == {run(2), run(3)}
    assert lines.kept_back(lines.left(known, run(1)), at(100)) == {run(3)}


def test_a_sign_of_life_is_noted_now_and_then() -> None:
    """Not at every look, or each would be a write."""
    known, _ = enter({}, asking(1))
    assert lines.heard(known, [run(1)], at(130)) == known
    later = lines.heard(known, [run(1)], at(220))
    assert later["gpu"].held[0].beat == iso(at(220))
    assert lines.heard(known, [run(2)], at(220)) == known


def test_it_is_kept_as_plain_json_and_read_again() -> None:
    known, _ = enter({}, asking(1), asking(2, caller=1), asking(3, GPU, CPU))
    assert lines.from_fact(lines.to_fact(known)) == known


_ACTS = st.lists(
    st.tuples(st.sampled_from(["ask", "leave"]), st.integers(0, 7)), min_size=1, max_size=40
)
_NEEDS = {
    number: ((GPU,), (CPU,), (GPU, CPU), (GPU, Backend(id="login", limit=2)))[number % 4]
    for number in range(8)
}


@settings(max_examples=60, deadline=None)
@given(_ACTS)
def test_no_backend_is_ever_overfull_and_everybody_gets_there(acts: list[tuple[str, int]]) -> None:
    """Whatever comes and goes: the limits hold, and once nobody new comes all that wait have had their turn in order."""
    known = _played(acts)
    assert all(len(line.held) <= 2 for line in known.values())
    assert all(len(known[b].held) <= 1 for b in ("gpu", "cpu") if b in known)
    waiting = sorted(lines.waiters(known))
    assert _drained(known) == waiting


def _played(acts: list[tuple[str, int]]) -> Lines:
    known: Lines = {}
    for act, number in acts:
        known = (
            lines.entered(known, asking(number, *_NEEDS[number]), at(100))[0]
            if act == "ask"
            else lines.left(known, run(number))
        )
    return known


def _drained(known: Lines) -> list[RunId]:
    """Who got in, in the end, when those inside go one by one and those outside ask whenever they like."""
    came: list[RunId] = []
    while inside := sorted(lines.holders(known)) or sorted(lines.waiters(known)):
        known = lines.left(known, inside[0]) if lines.holders(known) else known
        for waits in sorted(lines.waiters(known), reverse=True):
            number = int(waits[-1], 16)
            known, now = lines.entered(known, asking(number, *_NEEDS[number]), at(100))
            came += [waits] if now else []
        assert lines.holders(known) or not lines.waiters(known), "nobody can begin: a deadlock"
    return sorted(came)


@pytest.mark.parametrize("limit", [1, 3])
def test_the_limit_is_that_of_who_asks(limit: int) -> None:
    """An agent that knows of more room does not push in before one that knows of less."""
    backend = Backend(id="gpu", limit=limit)
    answers = enter({}, *(asking(n, backend) for n in range(5)))[1]
    assert sum(answers) == limit
