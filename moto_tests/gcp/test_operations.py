"""Long-running operations (https://google.aip.dev/151): done at once, later, never, or failed."""

from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from google.api_core import exceptions, operations_v1
from google.cloud import secretmanager_v1

from moto_tests.sandbox.world import eventually
from toolkit.sandbox.gcp.cloud import Google
from toolkit.sandbox.gcp.refusals import precondition

PLACE = "projects/al-sandbox/locations/europe-west1"
SECRET = secretmanager_v1.Secret(name="result")  # any message does


@pytest.fixture
def client(google: Google) -> Iterator[Any]:
    with grpc.insecure_channel(google.grpc) as channel:
        yield operations_v1.OperationsClient(channel)


def test_an_operation_is_done_at_once(google: Google, client: Any) -> None:
    """Unless the settings say otherwise."""
    name = google.operations.soon(PLACE, SECRET, lambda: SECRET).name
    found = client.get_operation(name)
    assert name.startswith(f"{PLACE}/operations/")
    assert found.done
    made = secretmanager_v1.Secret.pb(secretmanager_v1.Secret())
    assert found.response.Unpack(made)
    assert made.name == "result"


def test_an_operation_can_take_its_time(
    google: Google, client: Any, manners: Callable[..., None]
) -> None:
    """Its work is done when it is due, not before."""
    manners(operation_seconds=0.05)
    done: list[str] = []

    def work() -> Any:
        done.append("worked")
        return SECRET

    operation = google.operations.soon(PLACE, SECRET, work)
    assert (operation.done, done) == (False, [])
    eventually(lambda: client.get_operation(operation.name).done)
    assert done == ["worked"]


def test_an_operation_can_be_stuck(
    google: Google, client: Any, manners: Callable[..., None]
) -> None:
    """For ever; who waits for it must have a limit of its own."""
    manners(stuck_operations=1)
    name = google.operations.soon(PLACE, SECRET, lambda: SECRET).name
    assert not google.operations.wait(name, 0.05).done
    assert not client.get_operation(name).done


def test_an_operation_fails_with_what_its_work_refuses(google: Google, client: Any) -> None:
    """As google.rpc.Status, with the code."""

    def work() -> Any:
        raise precondition("not yet")

    found = client.get_operation(google.operations.soon(PLACE, SECRET, work).name)
    assert (found.done, found.error.message) == (True, "not yet")
    assert found.error.code == grpc.StatusCode.FAILED_PRECONDITION.value[0]


def test_an_operation_tells_of_its_progress(google: Google, client: Any) -> None:
    """Its metadata changes until it is done, and it is done once."""
    name = google.operations.begin(PLACE, SECRET).name
    google.operations.report(name, secretmanager_v1.Secret(name="half-way"))
    told = secretmanager_v1.Secret.pb(secretmanager_v1.Secret())
    assert client.get_operation(name).metadata.Unpack(told)
    assert told.name == "half-way"
    google.operations.finish(name, SECRET)
    google.operations.fail(name, precondition("too late"))
    assert client.get_operation(name).WhichOneof("result") == "response"


def test_an_operation_that_is_not_there_is_not_found(client: Any) -> None:
    """As after `al sandbox stop`."""
    with pytest.raises(exceptions.NotFound):
        client.get_operation(f"{PLACE}/operations/none")
