"""Everything that `al` asks of AWS, in bad weather: it is done in the end, once, or it is said what went wrong.

What is asked while a run is started and ends is tried in test_launch_trouble.py, what waits for roles in
test_reconcile_failures.py.  With `AL_CHAOS` set each operation meets each fate alone as well.
"""

import os
from contextlib import suppress

import pytest
from botocore.retries.standard import ExponentialBackoff

from moto_tests.aws_calls import asked_by_al
from moto_tests.deeds import DEEDS, Deed, Place
from moto_tests.weather import Fate, Weather
from tests.fakes import FakeClock
from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.core.errors import AlError
from toolkit.core.ports import Context
from toolkit.core.retry import retrying

# by the test that troubles them
LAUNCHES = {"DescribeSubnets", "DescribeVpcs", "Invoke", "RunTask"}  # test_launch_trouble.py
REPAIRS = {  # test_reconcile_failures.py
    *("DeleteRolePermissionsBoundary", "GetRole", "PutRolePermissionsBoundary", "TagRole"),
    *("UntagRole", "UpdateAssumeRolePolicy"),
}
BUILDS = {  # tests/images/test_codebuild.py, which has a service of its own; a build's order has a token
    *("BatchGetBuilds", "BatchGetProjects", "CreateProject", "DeleteProject", "StartBuild"),
    *("StopBuild", "UpdateProject"),
}
LOGS = {"FilterLogEvents", "GetLogEvents"}  # test_aws_logs.py
# botocore repeats them, and nothing is decided by them that is not looked at again
LOOKS = {
    *("DescribeLogStreams", "DescribeNetworkInterfaces", "DescribeRouteTables"),
    *("DescribeVpcEndpoints", "GetAccountSettings", "GetAuthorizationToken", "GetCallerIdentity"),
    *("GetFunctionUrlConfig", "GetPolicy", "GetPolicyVersion", "GetServiceQuota"),
    *("ListObjectsV2", "SimulatePrincipalPolicy"),
}
AGENTS_OWN = {"DeleteLogStream"}  # test_teardown_agent.py
ELSEWHERE = LAUNCHES | REPAIRS | BUILDS | LOGS | LOOKS | AGENTS_OWN
HARDEST = (Fate.THROTTLED, Fate.BROKEN, Fate.UNHEARD, Fate.TWICE)
FATES = tuple(Fate) if "AL_CHAOS" in os.environ else HARDEST
ALONE = [(name, operation) for name, deed in DEEDS.items() for operation in deed.operations]


@pytest.fixture
def place(aws_context: Context, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Nobody really waits between two attempts."""
    clock = FakeClock()
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.0)
    monkeypatch.setitem(retrying.__kwdefaults__, "sleep", clock.sleep)
    monkeypatch.setitem(retrying.__kwdefaults__, "clock", clock.monotonic)
    return Place(aws_context, clients_for(cloud_of(aws_context.environment)), clock.sleep)


def done(deed: Deed, place: Place) -> object:
    """What becomes of it; when it fails, with an error of ours, it is begun again."""
    for _ in range(len(deed.operations)):
        with suppress(AlError):  # each has a hint: its constructor wants one
            return deed.do(place)
    return deed.do(place)


def test_every_operation_is_tried_somewhere() -> None:
    """A call that is new to `al` is found in its source, and wanted in one of the tables."""
    tried = {operation for deed in DEEDS.values() for operation in deed.operations}
    assert asked_by_al() - {operation.partition(":")[2] for operation in tried} - ELSEWHERE == set()


@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("name", DEEDS)
def test_what_is_done_in_bad_weather_is_done(place: Place, name: str, fate: Fate) -> None:
    """As in good weather, after which nothing is left to do: nothing twice, nothing half, nothing absent that is there."""
    deed = DEEDS[name]
    deed.prepare(place)
    weather = Weather(place.clients)
    for operation in deed.operations:
        weather.befall(operation, fate)
    made = done(deed, place)
    assert weather.due == ()
    assert deed.do(place) == made


@pytest.mark.skipif("AL_CHAOS" not in os.environ, reason="each call alone: `make chaos`")
@pytest.mark.parametrize("fate", Fate)
@pytest.mark.parametrize(("name", "operation"), ALONE)
def test_what_meets_one_call_is_mended(place: Place, name: str, operation: str, fate: Fate) -> None:
    """The same for one operation, and good weather otherwise."""
    deed = DEEDS[name]
    deed.prepare(place)
    weather = Weather(place.clients)
    weather.befall(operation, fate)
    made = done(deed, place)
    assert weather.due == ()
    assert deed.do(place) == made
