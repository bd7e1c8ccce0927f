"""A gateway that takes webhooks: a project with sources and agents over the SQLite ledger, and who sends to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
from starlette.testclient import TestClient

from gateway.app import create_app
from tests.fakes import FakeClock
from tests.gateway.place import BEARER, Place
from tests.gateway.signing import request, secret_of
from toolkit.core.agent import AgentName, CredentialRef, WebhookTrigger
from toolkit.core.secrets import Secret
from toolkit.core.webhook import WebhookRequest
from toolkit.core.work import Delivery, WorkItem
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.dispatch import Definition, fact_key
from toolkit.scheduler.roster import Post, Roster, Source
from toolkit.wiring import webhook_provider

ISSUE: dict[str, Any] = {
    "action": "opened",
    "issue": {"number": 7, "title": "It breaks", "labels": [{"name": "bug"}]},
    "repository": {"full_name": "acme/shop"},
    "sender": {"login": "ada"},
}


@dataclass
class PostOffice:
    """`sources` and `posts` may be changed while it is open; `woken` counts how often the scheduler was told of work."""

    place: Place
    client: TestClient = field(init=False)
    desk: Desk = field(init=False)
    clock: FakeClock = field(default_factory=FakeClock)
    roster: Roster = field(default_factory=Roster)
    woken: int = 0

    def source(self, name: str, kind: str, secret: Secret | None = None, **more: Any) -> None:
        """A source, and its secret in the environment's store."""
        types = webhook_provider(kind).secrets
        refs = tuple(CredentialRef(type=credential, instance=name) for credential in types)
        if secret is not None:
            (credential, fields), *_ = types.items()
            self.place.services.store.put(f"{credential}/{name}/{fields[0]}", secret, tags={})
        made = Source(name=name, type=kind, credentials=refs, **more)
        self.roster = replace(self.roster, sources={**self.roster.sources, name: made})

    def agent(self, name: str, source: str, *, pushed: bool = True, **filters: Any) -> None:
        hook = WebhookTrigger(source=source, filters=filters)
        post = Post(agent=AgentName(name), webhooks=(hook,))
        self.roster = replace(self.roster, posts={**self.roster.posts, name: post})
        if pushed:
            known = Definition(agent=name, runtime="local", ref="r", image="", hash="", timeout=900)
            self.place.services.ledger.set_fact(fact_key(name), known.to_fact())

    def post(self, path: str, sent: WebhookRequest) -> httpx.Response:
        return self.client.post(path, content=sent.body, headers=dict(sent.headers))

    def send(
        self, kind: str, payload: Any, path: str | None = None, **headers: str
    ) -> httpx.Response:
        """Signed as its sender does, now."""
        at = str(int(self.clock().timestamp()))
        plugin = kind.replace("-", "_")
        return self.post(f"/webhooks/{path or kind}", request(plugin, payload, at=at, **headers))

    def delivery(self, receipt: str) -> Delivery:
        found = self.place.services.ledger.deliveries.get(receipt)
        assert found is not None
        return found

    @property
    def deliveries(self) -> list[Delivery]:
        return list(self.place.services.ledger.deliveries.list().rows)

    @property
    def waiting(self) -> list[WorkItem]:
        return list(self.place.services.ledger.queue.waiting())

    def wake(self) -> None:
        self.woken += 1


@contextmanager
def opened(place: Place) -> Iterator[PostOffice]:
    office = PostOffice(place)
    office.desk = Desk(
        services=place.services,
        roster=lambda: office.roster,
        clock=office.clock,
        wake=office.wake,
    )
    app = create_app(place.services, desk=office.desk)
    with TestClient(app, headers=BEARER, raise_server_exceptions=False) as office.client:
        yield office


def signed(kind: str) -> Secret:
    return secret_of(kind.replace("-", "_"))
