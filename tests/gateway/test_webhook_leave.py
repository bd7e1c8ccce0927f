"""Leave to send without a signature is one source's, and nobody else's."""

from tests.gateway.place import Place
from tests.gateway.post_office import ISSUE, opened


def test_the_leave_of_one_source_is_no_leave_for_another_of_its_type(place: Place) -> None:
    """`/webhooks/test/SOURCE` is refused where that source has none, and its agents are not started by the other's."""
    with opened(place) as office:
        office.source("open", "test", allow_unsigned=True)
        office.source("strict", "test")
        office.agent("dev", "strict")
        office.agent("ops", "open")
        assert office.send("test", ISSUE, path="test/strict").status_code == 401
        assert office.send("test", ISSUE, path="test/open").json()["matched"] == 1
        assert office.send("test", ISSUE).json()["matched"] == 1
        assert {item.agent for item in office.waiting} == {"ops"}
