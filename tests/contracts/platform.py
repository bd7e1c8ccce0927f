"""The laws of core.ports.Platform: the container's side, seen together with the launcher's.

A subclass gives the fixtures `make` (a new Platform for the run, as another container would have), `mailbox` (what its
launcher sees of it; the ledger's, unless it says otherwise), `ledger` and `store`, the launcher's own.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from toolkit.core.clock import iso, now
from toolkit.core.errors import CredentialError
from toolkit.core.ports import Ledger, Platform, Store
from toolkit.core.run import Mailbox, RunId
from toolkit.core.secrets import Secret

RUN = RunId("dev-1a2b3c4d")
VALUE = '{"credentials": {}, "prompt": "é\\n"}'
CONTAINERS = 8


class PlatformContract:
    """Whatever a container runs on, it meets its launcher so."""

    @pytest.fixture
    def platform(self, make: Callable[[], Platform]) -> Platform:
        return make()

    @pytest.fixture
    def mailbox(self, ledger: Ledger) -> Callable[[], Mailbox]:
        """The run's mailbox, as its launcher sees it now."""
        return lambda: ledger.mailbox(RUN)

    @pytest.fixture
    def secret(self) -> str:
        """The name of the run's secret."""
        return f"action-llama/p/e/runs/dev/{RUN}-0123456789abcdef_"

    def test_exactly_one_of_many_containers_claims_the_run(
        self, make: Callable[[], Platform], mailbox: Callable[[], Mailbox]
    ) -> None:
        """All at once, each a container of its own; the claim that stands is the winner's."""
        start = threading.Barrier(CONTAINERS)

        def claim(number: int) -> bool:
            platform = make()
            start.wait()
            return platform.claim({"log_stream": str(number)})

        with ThreadPoolExecutor(CONTAINERS) as pool:
            won = list(pool.map(claim, range(CONTAINERS)))
        assert sorted(won) == [False] * (CONTAINERS - 1) + [True]
        assert mailbox().where == {"log_stream": str(won.index(True))}

    def test_a_claim_says_when_and_where(
        self, platform: Platform, mailbox: Callable[[], Mailbox]
    ) -> None:
        """The launcher reads both in the mailbox."""
        before = iso(now())
        assert platform.claim({"log_group": "g", "request_id": "r"})
        box = mailbox()
        assert box.where == {"log_group": "g", "request_id": "r"}
        assert box.claimed is not None
        assert before <= box.claimed <= iso(now())

    def test_a_claim_is_never_given_twice(self, make: Callable[[], Platform]) -> None:
        """A second container gets no, whatever it says about itself."""
        assert make().claim({})
        assert not make().claim({"log_group": "other"})

    def test_the_secret_is_read_exactly(
        self, platform: Platform, store: Store, secret: str
    ) -> None:
        """Byte for byte what the launcher put there."""
        store.put(secret, Secret(VALUE), tags={"al:managed": "true"})
        assert platform.read_secret().reveal() == VALUE

    def test_a_burned_secret_is_gone_for_everybody(
        self, make: Callable[[], Platform], store: Store, secret: str
    ) -> None:
        """For the launcher, and for another container."""
        store.put(secret, Secret(VALUE), tags={"al:managed": "true"})
        make().burn_secret()
        assert not store.exists(secret)
        assert list(store.list(secret)) == []
        with pytest.raises(CredentialError, match="gone"):
            make().read_secret()

    def test_burning_twice_is_fine(self, platform: Platform, store: Store, secret: str) -> None:
        """The launcher may have been faster."""
        store.put(secret, Secret(VALUE), tags={"al:managed": "true"})
        platform.burn_secret()
        platform.burn_secret()

    def test_notes_reach_the_launcher(
        self, platform: Platform, mailbox: Callable[[], Mailbox]
    ) -> None:
        """Each field on its own, the report as the object that it is, and none undoes another."""
        report = {"exit_code": 0, "return_value": "é\n" * 1000, "usage": {"totalTokens": 1}}
        platform.claim({"log_group": "g"})
        platform.note(read="2026-11-20T12:00:00.000Z")
        platform.note(burned="2026-11-20T12:00:01.000Z")
        platform.note(status="half way")
        platform.note(report=report, status="done")
        box = mailbox()
        assert (box.read, box.burned) == ("2026-11-20T12:00:00.000Z", "2026-11-20T12:00:01.000Z")
        assert (box.status, box.report) == ("done", report)
        assert box.where == {"log_group": "g"}
        datetime.fromisoformat(box.claimed or "")


class StopFlagContract(PlatformContract):
    """And where nothing ends a container from outside, it sees that it shall end."""

    def test_a_stop_flag_does_not_prevent_the_claim(
        self, platform: Platform, ledger: Ledger
    ) -> None:
        """The run has to be claimed to be reported as stopped."""
        ledger.request_stop(RUN)
        assert platform.claim({})
        assert platform.stop_requested()

    def test_a_stop_is_seen_when_it_is_asked_for(self, platform: Platform, ledger: Ledger) -> None:
        """Not before."""
        assert not platform.stop_requested()
        platform.claim({})
        assert not platform.stop_requested()
        ledger.request_stop(RUN)
        assert platform.stop_requested()
