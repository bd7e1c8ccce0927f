"""POST /tick: who may, what it does in each of the two ways of being a scheduler, and that work is called on for."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest
from google.auth import crypt, jwt
from starlette.testclient import TestClient

from gateway.app import create_app
from gateway.auth import KeyRing
from gateway.identity import Signatures
from gateway.standing import Beside, Scheduling, Within, scheduling
from gateway.tick import SECONDS, Callers, Door, call_on
from infra.desired import gcp_gateway, gcp_schedule
from tests.fakes import eventually
from tests.gateway.place import KEY, QUICK, Place
from tests.gateway.shop import ROSTER
from toolkit.core.errors import Unreachable
from toolkit.core.secrets import Secret
from toolkit.sandbox.gcp.identity_tokens import SigningKey
from toolkit.scheduler.desk import Desk

LAST_LAUNCH = 30.0  # seconds that what a tick begins last may take
URL, ACCOUNT = "https://gateway.example", "gw-al-shop-staging@p.iam.gserviceaccount.com"
GOOGLE = SigningKey()


def token(key: SigningKey = GOOGLE, **claims: Any) -> str:
    """As Cloud Scheduler sends it."""
    now = int(time.time())
    known = {"iss": "https://accounts.google.com", "aud": URL, "iat": now, "exp": now + 3600,
             "email": ACCOUNT, "email_verified": True}  # fmt: skip
    signer = crypt.RSASigner.from_string(key.private, key.id)  # type: ignore[no-untyped-call]
    made: bytes = jwt.encode(signer, {**known, **claims})  # type: ignore[no-untyped-call]
    return f"Bearer {made.decode()}"


def callers(**more: Any) -> Callers:
    known = {
        "keys": KeyRing(lambda: Secret(KEY)),
        "account": ACCOUNT,
        "url": lambda: URL,
        "signatures": Signatures(lambda: {GOOGLE.id: GOOGLE.public}),
    }
    return Callers(**{**known, **more})


@dataclass
class Notes:
    """A scheduler that writes down what it is asked for."""

    desk: Desk
    asked: list[str] = field(default_factory=list)
    rung: bool = False

    def begin(self) -> None:
        self.asked.append("begin")

    def tick(self, seconds: float) -> None:
        self.asked.append("tick")

    def work(self, seconds: float) -> None:
        self.asked.append("work")

    def pass_on(self) -> None:
        self.rung = False
        self.asked.append("pass on")

    def end(self) -> None:
        self.asked.append("end")


@pytest.fixture
def notes(place: Place) -> Notes:
    made = Notes(Desk(services=place.services, roster=lambda: ROSTER))
    made.desk = replace(made.desk, wake=partial(setattr, made, "rung", True))
    return made


@pytest.fixture
def client(notes: Notes) -> Iterator[TestClient]:
    with behind_the_door(notes) as made:
        yield made


def behind_the_door(scheduler: Scheduling, who: Callers | None = None) -> TestClient:
    app = create_app(scheduler.desk.services, desk=scheduler.desk, pace=QUICK)
    return TestClient(Door(app, scheduler, who or callers()))


def status(client: TestClient, authorization: str, path: str = "/tick") -> int:
    return client.post(path, headers={"Authorization": authorization}).status_code


def test_google_s_timer_ticks(client: TestClient, notes: Notes) -> None:
    """With a token that Google signed, for this gateway, of the gateway's own account."""
    assert status(client, token()) == 204
    assert notes.asked == ["begin", "tick"]


OTHERS: dict[str, Callable[[], str]] = {
    "another account": lambda: token(email="dev@p.iam.gserviceaccount.com"),
    "another audience": lambda: token(aud="https://elsewhere.example"),
    "another issuer": lambda: token(iss="https://evil.example"),
    "not verified": lambda: token(email_verified=False),
    "expired": lambda: token(iat=1_000_000, exp=1_003_600),
    "another key": lambda: token(SigningKey()),
    "no signature": lambda: token().rpartition(".")[0] + ".",
    "no token": lambda: "Bearer a.b.c",
    "no key": lambda: "Bearer wrong",
    "nothing": lambda: "",
    "an old proof": lambda: replace(callers(), clock=lambda: time.time() - 120).proof(),
    "a proof from the future": lambda: replace(callers(), clock=lambda: time.time() + 120).proof(),
    "a proof by another key": lambda: callers(keys=KeyRing(lambda: Secret("other"))).proof(),
    "no proof": lambda: "Al-Proof 1.2",
}


@pytest.mark.parametrize("what", OTHERS)
def test_nobody_else_ticks(client: TestClient, notes: Notes, what: str) -> None:
    """The address is everybody's, so each part of a token counts
    (https://cloud.google.com/docs/authentication/token-types#id)."""
    assert status(client, OTHERS[what]()) == 401
    assert notes.asked == ["begin"]


def test_the_key_and_its_proof_tick(client: TestClient, notes: Notes) -> None:
    """Whoever has another clock uses the key; the gateway itself shows that it has it, and does not send it."""
    proof = callers().proof()
    assert KEY not in proof
    assert (status(client, f"Bearer {KEY}"), status(client, proof, "/tick/work")) == (204, 204)
    assert notes.asked == ["begin", "tick", "work"]


def test_wrong_keys_are_slowed_down(client: TestClient) -> None:
    """As everywhere else: 30 a minute and address."""
    assert {status(client, "Bearer wrong") for _ in range(30)} == {401}
    assert status(client, f"Bearer {KEY}") == 429


def test_without_a_recorded_address_no_token_is_good(notes: Notes) -> None:
    """Nobody knows then whom it is for."""
    with behind_the_door(notes, callers(url=lambda: None)) as client:
        assert status(client, token()) == 401


def test_an_unknown_key_of_google_s_is_looked_for_once_a_minute() -> None:
    """Keys change; whoever names ones that are none makes us ask no more than that."""
    asked, moment = list[int](), [0.0]
    signatures = Signatures(
        lambda: asked.append(1) or {GOOGLE.id: GOOGLE.public}, clock=lambda: moment[0]
    )
    stranger = token(SigningKey()).partition(" ")[2]
    assert [signatures.email(stranger, URL) for _ in range(5)] == [None] * 5
    moment[0] = 61.0
    assert signatures.email(stranger, URL) is None
    assert len(asked) == 2


def test_queued_work_is_called_on_for_before_the_answer(client: TestClient, notes: Notes) -> None:
    """Afterwards the process may have no processor; what queues nothing calls nobody."""
    bearer = {"Authorization": f"Bearer {KEY}"}
    client.get("/api/runs", headers=bearer)
    notes.desk.wake()
    client.get("/health")
    assert notes.asked == ["begin", "pass on"]


def test_the_scheduler_begins_and_ends_with_the_process(notes: Notes) -> None:
    """As uvicorn tells it."""
    with behind_the_door(notes):
        assert notes.asked == ["begin"]
    assert notes.asked == ["begin", "end"]


def test_without_a_recorded_address_nobody_is_called_on() -> None:
    """The timer makes good for it."""
    with pytest.raises(Unreachable, match="not recorded"):
        call_on(callers(url=lambda: None))


def test_nobody_there_is_said() -> None:
    """An error of ours, which the log tells."""
    with pytest.raises(Unreachable, match="does not answer"):
        call_on(callers(url=lambda: "http://127.0.0.1:9"))


def test_the_environment_says_which_way(place: Place) -> None:
    """AL_SCHEDULER, which the service's definition sets where instances always have a processor."""
    desk = Desk(services=place.services, roster=lambda: ROSTER)
    make = partial(scheduling, desk, call_on=lambda: None, failed=lambda: None)
    assert isinstance(make({"AL_SCHEDULER": "loop"}), Beside)
    assert isinstance(make({}), Within)


def test_within_requests_one_tick_at_a_time(place: Place) -> None:
    """Another that comes meanwhile has nothing to do."""
    held, entered = threading.Event(), list[str]()

    def roster() -> Any:
        entered.append("looked")
        held.wait(10)
        return ROSTER

    within = Within(Desk(services=place.services, roster=roster), lambda: None)
    first = threading.Thread(target=within.tick, args=(10.0,))
    first.start()
    eventually(lambda: entered == ["looked"])
    within.tick(10.0)
    assert entered == ["looked"]
    held.set()
    first.join()


def test_beside_the_answers_a_broken_loop_ends_the_process(place: Place) -> None:
    """One that answers and starts nothing would look healthy."""
    failed = threading.Event()

    def roster() -> Any:
        raise RuntimeError("broken")

    beside = Beside(Desk(services=place.services, roster=roster), failed.set)
    beside.begin()
    assert failed.wait(10)
    beside.end()


def test_the_timer_waits_until_a_tick_has_ended() -> None:
    """What a tick begins last has its time before Cloud Scheduler takes it for a failure, and the service bears with both."""
    assert SECONDS + LAST_LAUNCH <= gcp_schedule.DEADLINE <= gcp_gateway.TIMEOUT
    assert 15 <= gcp_schedule.DEADLINE <= 1800
