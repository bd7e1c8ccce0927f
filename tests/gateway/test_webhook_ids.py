"""A run's id is short, and of a busy agent many are kept: two deliveries may come upon the same one."""

import asyncio
from dataclasses import replace

from gateway.routes.webhooks import reception_of
from tests.gateway.place import Place
from tests.gateway.post_office import ISSUE, opened
from tests.gateway.signing import request


def test_a_delivery_whose_run_has_the_id_of_another_is_queued_under_a_new_one(place: Place) -> None:
    """What was answered with a receipt is done, whoever has its id already."""
    with opened(place) as office:
        office.source("open", "test", allow_unsigned=True)
        office.agent("dev", "open")
        sent = request("test", ISSUE, at="0")
        ledger = place.services.ledger

        async def received() -> None:
            reception = reception_of(office.desk)
            admission = await reception.admit("test", "open", str)
            outcome = await reception.judge(admission.sources, sent)
            ((run, _, _),) = outcome.work
            ledger.add(replace(run, delivery="another"))
            accepted = await reception.recorded(outcome)
            assert accepted is not None
            (item,) = office.waiting
            assert [added.run for added in accepted.added] == [item.run]
            assert item.run != run.id
            assert ledger.get(item.run) == replace(run, id=item.run)

        asyncio.run(received())
