"""What a webhook becomes: an answer, a receipt, and the runs that it asks for.

Decides and reads; the receipt and the runs are written together by whoever calls, before the answer goes out.  What cannot
be verified leaves a note without its body and number: who cannot sign can neither fill the ledger nor take an id away.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from os import urandom
from typing import Any

from toolkit.core.clock import iso
from toolkit.core.errors import Conflict, NotFound, UsageError
from toolkit.core.run import Run, Trigger, TriggerKind
from toolkit.core.webhook import (
    MOST_STORED,
    Payload,
    Provider,
    WebhookContext,
    WebhookRequest,
    payload_of,
)
from toolkit.core.work import DeadReason, Delivery, DeliveryState, WorkItem
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.matching import Wants
from toolkit.scheduler.prepare import prepared
from toolkit.scheduler.roster import Post, Source

from .payloads import payload_in
from .rates import Limiter, Rate
from .senders import Sender, SenderSecrets, sender_of

LOG = logging.getLogger("al.gateway.webhooks")
# of one source, in an hour: more are refused without a note.  Anybody can send them, and each is kept for 14 days
NOTED_REFUSALS = Rate(most=60, seconds=3600)
MOST_ID = 200  # characters of a sender's number; a longer one is known by its hash
PRIVATE = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})
# by their names in their classes Python 3.11 finds them slowly, and each delivery needs them
WEBHOOK, UNWANTED = TriggerKind.WEBHOOK, DeadReason.UNWANTED
PROCESSED, DEAD = DeliveryState.PROCESSED, DeliveryState.DEAD

Work = tuple[Run, WorkItem, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Before anything of a delivery is read: the sources, all of one type, that may hear of it now; or none, and after how
    many seconds one may."""

    sources: Sequence[Source] = ()
    retry_after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`delivery` is None for what is not recorded.  `reply` is what the sender reads besides."""

    status: int = 200
    delivery: Delivery | None = None
    work: Sequence[Work] = ()
    skipped: int = 0
    reply: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One roster, laid out for many deliveries.  `sources` are those that were asked for, by type and name."""

    wants: Wants
    sources: dict[tuple[str, str | None], tuple[Source, ...]] = field(default_factory=dict)


class Intake:
    """Of one gateway.  `provider` gives that of a source's type."""

    def __init__(self, desk: Desk, provider: Callable[[str], Provider]) -> None:
        self.desk = desk
        self._provider = provider
        self._secrets = SenderSecrets(desk.services)
        self._limits: dict[Source, Limiter] = {}
        self._refusals = Limiter(NOTED_REFUSALS)
        self._laid_out: Known | None = None

    def admit(self, kind: str, name: str | None, address: Callable[[], str]) -> Admission:
        """Who is meant by a path; `name` is None where it names only the type.  Raises NotFound for a source that is not
        configured, and what the ledger raises."""
        candidates = self._candidates(kind, name)
        if all(source.rate is None for source in candidates):
            return Admission(sources=candidates)
        waits = {source: self._wait(source, address) for source in candidates}
        free = tuple(source for source, wait in waits.items() if not wait)
        return Admission(sources=free, retry_after=0 if free else min(waits.values()))

    def judge(self, sources: Sequence[Source], request: WebhookRequest) -> Outcome:
        """What becomes of a delivery for one of `sources`.  Raises what the store and the ledger raise: then the sender has
        to come again."""
        provider = self._provider(sources[0].type)
        sender = sender_of(request, provider, sources, self._secrets, self.desk.clock())
        if sender is None:
            return self._unverified(sources)
        return self._taken(provider, sender, request)

    def replay(self, old: Delivery) -> Outcome:
        """The same again under a new receipt.  It was verified when it came, and is not asked to prove it again: its time
        has passed.  Raises Conflict when there is nothing to act on, or its source is gone."""
        source = self.desk.roster().sources.get(old.source)
        if not old.body:
            raise UsageError(f"{old.id} has no body", hint="it was not verified, so none was kept")
        if source is None:
            raise Conflict(f"there is no webhook source {old.source!r}", hint="configure it again")
        request = WebhookRequest(headers=old.headers, body=old.body)
        if payload_of(request) is None:
            most = f"at most {MOST_STORED // 1024} KiB are kept"
            raise UsageError(f"the body of {old.id} cannot be read", hint=most)
        provider = self._provider(source.type)
        outcome = self._taken(provider, Sender(source=source, signed=True), request)
        if outcome.delivery is None:
            raise UsageError(f"{old.id} set the source up, and is no event", hint="send an event")
        again = replace(outcome.delivery, delivery=None, replay_of=old.id, headers=old.headers)
        return replace(outcome, delivery=again)

    def answer_to(
        self, kind: str, source: str | None, query: Mapping[str, str]
    ) -> Mapping[str, Any]:
        """To a GET with which a sender makes sure that we are there.  Raises NotFound and UsageError."""
        provider = self._provider(kind) if (found := self._candidates(kind, source)) else None
        if provider is None or provider.probe is None:
            raise NotFound(f"{kind} asks nothing by GET", hint="send deliveries by POST")
        for secret in (s for entry in found for s in self._secrets.of(entry, provider)):
            if (answer := provider.probe(query, secret)) is not None:
                return answer
        raise UsageError(
            f"this is no check of {kind}", hint="see the source's secret and its token"
        )

    def _candidates(self, kind: str, name: str | None) -> tuple[Source, ...]:
        """The source of that name, or all of the type, by name."""
        known = self._known()
        if (found := known.sources.get((kind, name))) is not None:
            return found
        every = known.wants.roster.sources.values()
        of_kind = sorted((s for s in every if s.type == kind), key=lambda s: s.name)
        found = tuple(s for s in of_kind if name in (None, s.name))
        if not found:
            what = f"named {name!r} of type {kind!r}" if name else f"of type {kind!r}"
            hint = "define it as [webhooks.<name>] in config.toml"
            raise NotFound(f"there is no webhook source {what}"[:300], hint=hint)
        known.sources[kind, name] = found
        return found

    def _wait(self, source: Source, address: Callable[[], str]) -> int:
        if source.rate is None:
            return 0
        if source not in self._limits:
            self._limits[source] = Limiter(Rate(most=source.rate))
        return self._limits[source].take(address())

    def _unverified(self, candidates: Sequence[Source]) -> Outcome:
        name = candidates[0].name
        if self._refusals.take(name):
            return Outcome(status=401)
        LOG.warning("a webhook for %s was refused: its signature does not verify", name)
        return Outcome(status=401, delivery=self._receipt(name, reason=DeadReason.UNVERIFIED))

    def _taken(self, provider: Provider, sender: Sender, request: WebhookRequest) -> Outcome:
        kept: dict[str, Any] = {
            "headers": _kept(request.headers, provider),
            "body": request.body[:MOST_STORED],
        }
        source = sender.source.name
        if (payload := payload_in(request)) is None:
            dead = self._receipt(source, reason=DeadReason.UNREADABLE, **kept)
            return Outcome(status=400, delivery=dead)
        if (challenge := provider.challenge(payload)) is not None:
            return Outcome(reply=challenge)
        kept["delivery"] = _number(provider.delivery(request, payload), sender)
        context = provider.context(request, payload)
        if context is None:
            return Outcome(delivery=self._receipt(source, summary="no event", **kept))
        return self._matched(provider, payload, context, source, kept)

    def _matched(
        self,
        provider: Provider,
        payload: Payload,
        context: WebhookContext,
        source: str,
        kept: Mapping[str, Any],
    ) -> Outcome:
        posts = self._known().wants.wanting(source, context)
        moment = self.desk.clock()
        receipt, received = _new_receipt(moment), iso(moment)
        told = context.to_dict(timestamp=received, receipt=receipt) if posts else {}
        work = [made for post in posts if (made := self._work(post, source, told, receipt))]
        delivery = Delivery(
            id=receipt,
            source=source,
            received=received,
            matched=len(work),
            summary=context.summary,
            state=PROCESSED if work else DEAD,
            reason=None if work else UNWANTED,
            **kept,
        )
        reply = provider.reply(payload, len(work))
        return Outcome(delivery=delivery, work=work, skipped=len(posts) - len(work), reply=reply)

    def _known(self) -> Known:
        """Of the roster as it is now; laid out again only when that is another one."""
        known, roster = self._laid_out, self.desk.roster()
        if known is None or known.wants.roster is not roster:
            known = self._laid_out = Known(wants=Wants(roster))
        return known

    def _work(self, post: Post, source: str, told: Mapping[str, Any], receipt: str) -> Work | None:
        """The run of one agent; None for one that cannot run now, because it has the scale 0 or was not pushed."""
        trigger = Trigger(
            agent=post.agent,
            kind=WEBHOOK,
            source=source,
            context=told,
            delivery=receipt,
        )
        try:
            return prepared(self.desk, trigger)
        except (NotFound, Conflict) as error:
            LOG.warning("%s was not started by a webhook: %s", post.agent, error.message)
            return None

    def _receipt(self, source: str, *, reason: DeadReason | None = None, **known: Any) -> Delivery:
        moment = self.desk.clock()
        return Delivery(
            id=_new_receipt(moment),
            source=source,
            received=iso(moment),
            reason=reason,
            state=DEAD if reason else PROCESSED,
            **known,
        )


def _new_receipt(moment: datetime) -> str:
    """The time in milliseconds, then 80 random bits, in hex: an index that is ordered by it grows at its end, where a
    random one would rewrite a page of its own for each delivery (https://www.rfc-editor.org/rfc/rfc9562#section-6.13)."""
    return f"{int(moment.timestamp() * 1000):012x}{urandom(10).hex()}"


def _number(given: str | None, sender: Sender) -> str | None:
    """The sender's number for it.  An unsigned one must not stand in the way of a signed one of the same number."""
    if not given:
        return None
    if len(given) > MOST_ID or not given.isprintable():
        given = hashlib.sha256(given.encode("utf-8", "replace")).hexdigest()
    return given if sender.signed else f"unsigned:{given}"


def _kept(headers: Mapping[str, str], provider: Provider) -> dict[str, str]:
    left_out = provider.signatures | PRIVATE
    return {name: value for name, value in headers.items() if name not in left_out}
