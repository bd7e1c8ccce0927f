"""What a client may take of a gateway that listens: connections, time and memory, over real sockets."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from gateway.app import create_app
from gateway.bodies import Held
from gateway.connections import (
    LEAST_TAKEN,
    MOST_CONNECTIONS,
    SPARE_FILES,
    Bounded,
    Taken,
    bounded,
    stalled,
)
from tests.fakes import eventually
from tests.gateway.place import Place, address_of, listening
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.roster import Roster, Source

HEALTH = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"
OPEN = Roster(sources={"tries": Source(name="tries", type="test", allow_unsigned=True)})
MOST_HELD = 100_000


class Hasty(Bounded):
    patience = 0.1


class Small(Bounded):
    most = 2


@contextmanager
def gateway(place: Place, protocol: type[Bounded]) -> Iterator[uvicorn.Server]:
    desk = Desk(services=place.services, roster=lambda: OPEN)
    app = create_app(place.services, desk=desk, held=Held(MOST_HELD))
    with listening(uvicorn.Config(app, http=protocol, log_level="warning")) as server:
        yield server


@pytest.fixture
def hasty(place: Place) -> Iterator[tuple[str, int]]:
    """The address of a gateway that has little patience."""
    with gateway(place, Hasty) as server:
        yield address_of(server)


@pytest.fixture
def small(place: Place) -> Iterator[tuple[str, int]]:
    """The address of one that has two connections."""
    with gateway(place, Small) as server:
        yield address_of(server)


@pytest.fixture
def patient(place: Place) -> Iterator[tuple[str, int]]:
    """The address of one with the usual bounds on its connections."""
    with gateway(place, bounded()) as server:
        yield address_of(server)


def connected(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, timeout=20)


def asked(address: tuple[str, int], *parts: bytes) -> bytes:
    """The first part of the answer to what is sent; empty when the gateway closes the connection without one."""
    with connected(address) as client:
        for part in parts:
            client.sendall(part)
        return client.recv(4096)


def delivery(path: str, declared: int) -> bytes:
    head = f"POST /webhooks/{path} HTTP/1.1\r\nhost: x\r\ncontent-length: {declared}\r\n\r\n"
    return head.encode()


def answered(client: socket.socket, sent: bytes) -> bytes:
    client.sendall(sent)
    return client.recv(4096)


def test_a_connection_too_many_is_told_to_come_again(small: tuple[str, int]) -> None:
    """503 with Retry-After, and nothing is done for it; the others go on, and it may come when one has gone."""
    with connected(small) as first:
        assert b" 200 OK" in answered(first, HEALTH)
        with connected(small) as second:
            assert b" 200 OK" in answered(second, HEALTH)
            refusal = asked(small, b"")
            assert refusal.startswith(b"HTTP/1.1 503")
            assert b"retry-after: 1" in refusal
        eventually(lambda: b" 200 OK" in asked(small, HEALTH))


def test_an_answer_comes_in_one_piece(patient: tuple[str, int]) -> None:
    """Head and body in one packet: who waits for the body is woken once."""
    with connected(patient) as client:
        pieces = [answered(client, HEALTH) for _ in range(20)]
    assert [piece for piece in pieces if not piece.endswith(b'{"status":"ok"}')] == []


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /hea", HEALTH[:-2], delivery("test", 10) + b"{", HEALTH + b"GET /"],
    ids=["nothing", "part of a line", "part of a head", "part of a body", "a second one"],
)
def test_who_does_not_go_on_is_cut_off(hasty: tuple[str, int], sent: bytes) -> None:
    """However little is sent, and however slowly: the connection is somebody else's then."""
    with connected(hasty) as client:
        client.sendall(sent)
        while client.recv(4096):  # an answer to what was whole comes first
            continue


@pytest.mark.parametrize("pieces", [1, 400])
def test_who_does_not_take_an_answer_is_cut_off(pieces: int) -> None:
    """In one piece, which is over for the application, or while it is still being sent."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(pieces):
            part = {"type": "http.response.body", "body": bytes(32_000_000 // pieces)}
            await send(part | {"more_body": True})
        await send({"type": "http.response.body"})

    config = uvicorn.Config(app, http=Hasty, lifespan="off", log_level="warning")
    with listening(config) as server, connected(address_of(server)) as client:
        client.sendall(HEALTH)
        assert client.recv(1)
        eventually(lambda: not server.server_state.connections)


def test_who_takes_an_answer_slowly_is_borne_with() -> None:
    """As long as it goes on; what waits only now is new."""
    waits = Taken(taken=100_000, left=50_000)
    assert stalled(waits, replace(waits, taken=waits.taken + LEAST_TAKEN - 1))
    assert not stalled(waits, replace(waits, taken=waits.taken + LEAST_TAKEN))
    assert not stalled(waits, replace(waits, left=0))
    assert not stalled(replace(waits, left=0), waits)


def test_there_are_fewer_connections_than_the_process_may_have_files() -> None:
    """The ledger opens some, too."""
    assert bounded(files=SPARE_FILES + 10).most == 10
    assert bounded(files=1).most == 1
    assert bounded(files=1_000_000).most == bounded(files=-1).most == MOST_CONNECTIONS


@pytest.mark.parametrize(
    ("path", "declared", "status"),
    [("slack", 5_000_000, 404), ("test/other", 10, 404), ("test", 10 * 1024**2 + 1, 413)],
)
def test_a_body_that_nobody_will_read_is_not_waited_for(
    patient: tuple[str, int], path: str, declared: int, status: int
) -> None:
    """The refusal comes before the body does."""
    assert asked(patient, delivery(path, declared)).startswith(b"HTTP/1.1 %d" % status)


def test_all_bodies_together_have_a_bound(patient: tuple[str, int]) -> None:
    """503 with Retry-After for who comes then; what was given up makes room at once."""
    whole = b'{"event": "e", "padding": "%b"}' % (b"x" * 60_000)
    sent = delivery("test", len(whole)) + whole
    with connected(patient) as slow:
        slow.sendall(delivery("test", MOST_HELD) + b" " * 60_000)
        eventually(lambda: asked(patient, sent).startswith(b"HTTP/1.1 503"))
        assert b"retry-after: 1" in asked(patient, sent)
    eventually(lambda: asked(patient, sent).startswith(b"HTTP/1.1 200"))


def test_what_was_answered_makes_room(patient: tuple[str, int]) -> None:
    """One connection after the other may send as much as there is room for."""
    whole = b'{"event": "e", "padding": "%b"}' % (b"x" * 90_000)
    sent = delivery("test", len(whole)) + whole
    assert [asked(patient, sent)[:12] for _ in range(3)] == [b"HTTP/1.1 200"] * 3
