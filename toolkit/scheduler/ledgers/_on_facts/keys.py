"""What is kept where.  The first part of a key is its room.

- `line/<agent>/<run>`: a work item, with the run's record until somebody sees that it is recorded; `work/<run>`: its
  trigger, where that is long, so that looking through a line stays cheap
- `turn/<agent>` and `turn`: how often somebody of the agent, or under a total, has been taken: who takes changes it,
  so that of two who counted the same places only one takes the last
- `lock/<key>`; `holder/<run>`: the keys that it has, and which it wants
- `call/<id>`; `calls/<time>/<id>`: all of them in order, and whether one is over; `asked/<caller>/<id>`;
  `serves/<run>`: the call that a run works for
- `delivery/<id>`; `body/<id>`; `inbox/<time>/<id>`: all of them in order, each with its state;
  `number/<source>/<number>`: the receipt of the verified one
"""

import hashlib

from toolkit.core.run import RunId

# those that are listed, each of which a ledger may keep together and apart from other facts
LISTED = frozenset({"line", "lock", "calls", "asked", "inbox"})
# those that are only read by their whole key
SINGLE = frozenset({"work", "turn", "holder", "call", "serves", "delivery", "body", "number"})
LONGEST = 300  # bytes; of a DynamoDB sort key 1,024, and of a Firestore id 1,500 once it is escaped

LINES, LOCKS, CALLS, INBOX = "line/", "lock/", "calls/", "inbox/"


def line(run: RunId) -> str:
    return f"{LINES}{run.agent}/{run}"


def lines(agent: str | None) -> str:
    return LINES if agent is None else f"{LINES}{agent}/"


def work(run: RunId) -> str:
    return f"work/{run}"


def turn(agent: str) -> str:
    """Of all agents together when it is empty."""
    return f"turn/{agent}"


def lock(key: str) -> str:
    return f"{LOCKS}{_short(key)}"


def holder(run: RunId) -> str:
    return f"holder/{run}"


def call(id_: str) -> str:
    return f"call/{id_}"


def call_in_order(created: str, id_: str) -> str:
    return f"{CALLS}{created}/{id_}"


def asked(caller: RunId, id_: str = "") -> str:
    return f"asked/{caller}/{id_}"


def serves(run: RunId) -> str:
    return f"serves/{run}"


def delivery(receipt: str) -> str:
    return f"delivery/{receipt}"


def body(receipt: str) -> str:
    return f"body/{receipt}"


def inbox(received: str, receipt: str) -> str:
    return f"{INBOX}{received}/{receipt}"


def number(source: str, number_: str) -> str:
    return f"number/{source}/{_short(number_)}"


def last(key: str) -> str:
    """What an ordered key ends with: an id."""
    return key.rsplit("/", 1)[1]


def _short(text: str) -> str:
    """Itself, or its SHA-256 where it is longer than a key may be; strangers choose it."""
    data = text.encode(errors="surrogatepass")
    return (
        text
        if 0 < len(data) <= LONGEST and text.isprintable()
        else f"sha256={hashlib.sha256(data).hexdigest()}"
    )
