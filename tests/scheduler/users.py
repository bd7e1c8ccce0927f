"""Who uses a gateway that dies again and again: they send, ask and end at random, and remember what they were answered."""

import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.gateway.place import BEARER
from tests.gateway.post_office import ISSUE
from tests.gateway.signing import request

AT_ONCE = 2


class Users:
    """`receipts` are of accepted deliveries by their number, `runs` of triggers that were answered."""

    def __init__(self, address: str, seed: str) -> None:
        self._address, self._seed = address, seed
        self._stop = threading.Event()
        self.receipts: dict[str, set[str]] = {}
        self.runs: list[str] = []
        self.killed: set[str] = set()
        self.statuses: Counter[str] = Counter()
        self.troubles: list[str] = []

    @contextmanager
    def busy(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._live, args=(n,)) for n in range(AT_ONCE)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def _live(self, number: int) -> None:
        dice = random.Random(f"{self._seed}/{number}")
        verbs = [self._deliver] * 12 + [self._trigger] * 3 + [self._kill] * 2 + [self._pause]
        with httpx.Client(base_url=self._address, headers=BEARER, timeout=4) as client:
            one = 0
            while not self._stop.wait(dice.uniform(0, 0.1)):
                one += 1
                dice.choice(verbs)(client, dice, f"{number}-{one}")

    def _deliver(self, client: httpx.Client, dice: random.Random, name: str) -> None:
        """Sent again with the same number where nobody answered, as senders do."""
        sent = request("github", ISSUE, x_github_delivery=name)
        for _ in range(2):
            answer = self._asked(client, "/webhooks/github", sent.body, dict(sent.headers))
            if answer and answer["ok"]:
                self.receipts.setdefault(name, set()).add(answer["receipt"])
                if dice.random() < 0.8:
                    return

    def _trigger(self, client: httpx.Client, dice: random.Random, name: str) -> None:
        if answer := self._asked(client, f"/control/trigger/{dice.choice(['dev', 'ops'])}"):
            self.runs.append(answer["instanceId"])

    def _kill(self, client: httpx.Client, dice: random.Random, name: str) -> None:
        if self.runs and self._asked(client, f"/control/kill/{(run := dice.choice(self.runs))}"):
            self.killed.add(run)

    def _pause(self, client: httpx.Client, dice: random.Random, name: str) -> None:
        self._asked(client, "/control/pause")
        self._stop.wait(0.05)
        while not self._asked(client, "/control/resume") and not self._stop.is_set():
            pass

    def _asked(
        self,
        client: httpx.Client,
        path: str,
        body: bytes = b"{}",
        headers: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """Empty where it is refused or nobody answers."""
        try:
            answer = client.post(path, content=body, headers=headers)
        except httpx.HTTPError:
            self.statuses["dead"] += 1
            return {}
        self.statuses[str(answer.status_code)] += 1
        if answer.status_code >= 500:
            self.troubles.append(f"{path}: {answer.status_code} {answer.text[:300]}")
        found: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
        return found
