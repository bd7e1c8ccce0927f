"""Everything that `al` asks of Google Cloud, in bad weather: it is done in the end, once, or it is said what went wrong.

What is asked while a run is started and ends is tried in test_cloud_run_trouble.py.  With `AL_CHAOS` set each RPC meets
each fate alone as well.
"""

import os
from contextlib import suppress

import pytest

from moto_tests.gcp.agents import Stage
from moto_tests.gcp.bad_day import CALLS
from moto_tests.gcp.deeds import DEEDS, Deed, Place
from moto_tests.gcp.google_calls import asked_by_al
from moto_tests.gcp.holding import World
from moto_tests.gcp.ill_fate import Fate, befall
from moto_tests.gcp.run_world import CloudRun
from toolkit.clouds.gcp import GcpClients
from toolkit.core.errors import AlError
from toolkit.core.ports import Context
from toolkit.core.retry import retrying
from toolkit.sandbox.gcp.cloud import Google

HARDEST = (Fate.THROTTLED, Fate.BROKEN, Fate.LATE, Fate.TWICE)
FATES = tuple(Fate) if "AL_CHAOS" in os.environ else HARDEST
ALONE = [(name, rpc) for name, deed in DEEDS.items() for rpc in deed.rpcs]
# a session of it is for speed alone, and may end at any time: test_cloud_run_logs.py
ELSEWHERE = {"TailLogEntries"}


@pytest.fixture
def place(
    gcp_context: Context,
    gcp_clients: GcpClients,
    google: Google,
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
) -> Place:
    """Nobody waits between two attempts."""
    monkeypatch.setitem(retrying.__kwdefaults__, "sleep", lambda _: None)
    world = World(CloudRun(google, gcp_clients), gcp_clients, gcp_context.names)
    return Place(gcp_context, gcp_clients, stage, world)


def done(deed: Deed, place: Place) -> object:
    """What becomes of it; when it fails, with an error of ours, it is begun again."""
    for _ in range(len(deed.rpcs)):
        with suppress(AlError):  # each has a hint: its constructor wants one
            return deed.do(place)
    return deed.do(place)


def test_every_call_of_google_s_libraries_is_tried_here() -> None:
    """A call that is new to `al` is found in its source, and wanted in one of the two tables."""
    tried = {rpc for deed in DEEDS.values() for rpc in deed.rpcs} | {*CALLS} | ELSEWHERE
    assert asked_by_al() - tried == set()


@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("name", DEEDS)
def test_what_is_done_in_bad_weather_is_done(
    place: Place, google: Google, name: str, fate: Fate
) -> None:
    """As in good weather, after which nothing is left to do: nothing twice, nothing half, nothing absent that is there."""
    deed = DEEDS[name]
    deed.prepare(place)
    for rpc in deed.rpcs:
        befall(google, rpc, fate)
    made = done(deed, place)
    assert google.faults.due == ()
    assert deed.do(place) == made


@pytest.mark.skipif("AL_CHAOS" not in os.environ, reason="each call alone: `make chaos`")
@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize(("name", "rpc"), ALONE)
def test_what_meets_one_call_is_mended(
    place: Place, google: Google, name: str, rpc: str, fate: Fate
) -> None:
    """The same for one RPC, and good weather otherwise."""
    deed = DEEDS[name]
    deed.prepare(place)
    befall(google, rpc, fate)
    made = done(deed, place)
    assert google.faults.due == ()
    assert deed.do(place) == made
