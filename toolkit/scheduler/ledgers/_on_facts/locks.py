"""core.books.Locks on facts: each lock is one, and each holder one, with what it has and what it wants; both change in
one step.  A lock whose time is over is overwritten by whoever comes."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from toolkit.core.clock import iso
from toolkit.core.run import RunId
from toolkit.core.work import Grip, Lock, LockAnswer

from . import keys
from .ground import Ground, keep, persistently


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """What a run has, and which key it was refused last; that counts until `until`."""

    has: tuple[str, ...] = ()
    wants: str | None = None
    until: str = ""

    def others(self, key: str) -> tuple[str, ...]:
        return tuple(other for other in self.has if other != key)

    def wanting(self, moment: datetime) -> str | None:
        return self.wants if self.until > iso(moment) else None

    def holding(self, key: str) -> "Hands":
        return Hands(has=tuple(sorted({*self.has, key})))

    def without(self, key: str) -> "Hands":
        """Who has given everything back wants nothing any more."""
        rest = self.others(key)
        return replace(self, has=rest) if rest else Hands()

    def to_fact(self) -> dict[str, Any] | None:
        if self == Hands():
            return None
        return {"has": list(self.has), "wants": self.wants, "until": self.until}

    @classmethod
    def from_fact(cls, fact: Mapping[str, Any] | None) -> "Hands":
        if fact is None:
            return cls()
        return cls(has=tuple(fact["has"]), wants=fact["wants"], until=fact["until"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Who wants what until when; `most` is how many others it may have."""

    key: str
    holder: RunId
    until: str
    moment: datetime
    single: bool
    most: int | None


class Locks:
    """Which run has which resource to itself."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def acquire(
        self,
        key: str,
        holder: RunId,
        *,
        seconds: float,
        moment: datetime,
        single: bool = False,
        most: int | None = None,
    ) -> Grip:
        ask = Ask(
            key=key,
            holder=holder,
            until=iso(moment + timedelta(seconds=seconds)),
            moment=moment,
            single=single,
            most=most,
        )
        return persistently(lambda: self._acquire(ask))

    def release(self, key: str, holder: RunId, *, moment: datetime) -> Grip:
        def attempt() -> Grip:
            places = (keys.lock(key), keys.holder(holder))
            seen = self._ground.read_facts(places)
            lock = _lock(seen.get(places[0]), moment)
            if lock is None or lock.holder != holder:
                return _not_mine(lock)
            hands = Hands.from_fact(seen.get(places[1])).without(key)
            values = {places[0]: None, places[1]: hands.to_fact()}
            keep(self._ground, values, {place: seen.get(place) for place in places})
            return Grip(answer=LockAnswer.FREED, lock=lock)

        return persistently(attempt)

    def heartbeat(self, key: str, holder: RunId, *, seconds: float, moment: datetime) -> Grip:
        def attempt() -> Grip:
            seen = self._ground.fact(keys.lock(key))
            lock = _lock(seen, moment)
            if lock is None or lock.holder != holder:
                return _not_mine(lock)
            longer = replace(lock, expires=iso(moment + timedelta(seconds=seconds)))
            keep(self._ground, {keys.lock(key): _fact(longer)}, {keys.lock(key): seen})
            return Grip(answer=LockAnswer.HELD, lock=longer)

        return persistently(attempt)

    def held(self, holder: RunId | None = None, *, moment: datetime) -> Sequence[Lock]:
        found = (_lock(fact, moment) for fact in self._ground.facts(keys.LOCKS).values())
        mine = (lock for lock in found if lock and holder in (None, lock.holder))
        return tuple(sorted(mine, key=lambda lock: lock.key))

    def release_all(self, holder: RunId) -> int:
        return persistently(lambda: self._release_all(holder))

    def forget(self, before: str) -> None:
        """Those whose time was over then."""
        for key, fact in self._ground.facts(keys.LOCKS).items():
            if fact["expires"] < before:
                self._ground.set_facts({key: None}, expected={key: fact})

    def _acquire(self, ask: Ask) -> Grip:
        places = (keys.lock(ask.key), keys.holder(ask.holder))
        seen = self._ground.read_facts(places)
        hands = Hands.from_fact(seen.get(places[1]))
        lock = _lock(seen.get(places[0]), ask.moment)
        if ask.single or len(hands.others(ask.key)) >= (ask.most or math.inf):
            others = self._others(hands, ask)
            if ask.single and others:
                return Grip(answer=LockAnswer.ONE_ONLY, lock=others[0])
            if ask.most is not None and len(others) >= ask.most:
                return Grip(answer=LockAnswer.TOO_MANY)
            hands = replace(hands, has=tuple(other.key for other in others))
        if lock is not None and lock.holder != ask.holder:
            wish = replace(hands, wants=ask.key, until=ask.until)
            keep(self._ground, {places[1]: wish.to_fact()}, {places[1]: seen.get(places[1])})
            return self._refused(lock, ask.holder, ask.moment)
        since = lock.since if lock else iso(ask.moment)
        mine = Lock(key=ask.key, holder=ask.holder, since=since, expires=ask.until)
        values = {places[0]: _fact(mine), places[1]: hands.holding(ask.key).to_fact()}
        keep(self._ground, values, {place: seen.get(place) for place in places})
        return Grip(answer=LockAnswer.HELD, lock=mine)

    def _others(self, hands: Hands, ask: Ask) -> list[Lock]:
        """The other locks that it has, without those that it let expire."""
        places = [keys.lock(other) for other in hands.others(ask.key)]
        facts = self._ground.read_facts(places) if places else {}
        found = (_lock(facts.get(place), ask.moment) for place in places)
        return [lock for lock in found if lock and lock.holder == ask.holder]

    def _refused(self, lock: Lock, holder: RunId, moment: datetime) -> Grip:
        """Its wish is known by now, so of two who ask for each other's locks at once, one sees the circle."""
        cycle: list[str] = [holder, lock.key]
        for other, wanted in self._waits(lock.holder, moment):
            cycle += [other, wanted.key]
            if wanted.holder == holder:
                return Grip(answer=LockAnswer.DEADLOCK, lock=lock, cycle=(*cycle, holder))
        return Grip(answer=LockAnswer.TAKEN, lock=lock)

    def _waits(self, holder: RunId, moment: datetime) -> Iterator[tuple[RunId, Lock]]:
        """Who waits for which lock, beginning with `holder`; each once."""
        met: set[RunId] = set()
        while holder not in met:
            met.add(holder)
            hands = Hands.from_fact(self._ground.fact(keys.holder(holder)))
            if (key := hands.wanting(moment)) is None:
                return
            lock = _lock(self._ground.fact(keys.lock(key)), moment)
            if lock is None:
                return
            yield holder, lock
            holder = lock.holder

    def _release_all(self, holder: RunId) -> int:
        place = keys.holder(holder)
        if (seen := self._ground.fact(place)) is None:
            return 0
        own = self._ground.read_facts([keys.lock(key) for key in seen["has"]])
        own = {key: fact for key, fact in own.items() if fact["holder"] == holder}
        most = self._ground.most_facts - 1
        now = dict(list(own.items())[:most])
        rest = Hands(has=tuple(f["key"] for k, f in own.items() if k not in now)).to_fact()
        keep(self._ground, {**dict.fromkeys(now), place: rest}, {**now, place: seen})
        return len(now) + (self._release_all(holder) if rest else 0)


def _not_mine(lock: Lock | None) -> Grip:
    return Grip(answer=LockAnswer.TAKEN if lock else LockAnswer.UNKNOWN, lock=lock)


def _lock(fact: Mapping[str, Any] | None, moment: datetime) -> Lock | None:
    """None also when its time is over."""
    if fact is None or fact["expires"] <= iso(moment):
        return None
    return Lock(**{**fact, "holder": RunId(fact["holder"])})


def _fact(lock: Lock) -> dict[str, str]:
    return {
        "key": lock.key,
        "holder": lock.holder,
        "since": lock.since,
        "expires": lock.expires,
    }
