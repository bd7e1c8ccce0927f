"""What is kept where.  The first part of a key is its room; the keys of a room that is listed are in order.

- `line/<agent>/<place>`: a work item that may be taken, with the run's record until somebody sees that it is recorded;
  `later/<agent>/<time>/<place>`: one that may not before that time.  A place is when it came, and its run
- `work/at/<agent>/<run>`: one that is held, started, or has to go; `work/count/<shard>`: how many wait, by agent.  Each
  item is counted in one of several shards, so that few who queue at once change the same
- `item/<run>`: where the run's item waits, or waited before it was taken; `trigger/<run>`: its trigger, where that is long
- `once/<agent>/<once>/<place>`: the run that waits under that name
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
LISTED = frozenset({"line", "later", "work", "once", "lock", "calls", "asked", "inbox"})
# those that are only read by their whole key
SINGLE = frozenset(
    {"item", "trigger", "turn", "holder", "call", "serves", "delivery", "body", "number"}
)
LONGEST = 300  # bytes; of a DynamoDB sort key 1,024, and of a Firestore id 1,500 once it is escaped

LOCKS, CALLS, INBOX = "lock/", "calls/", "inbox/"
WORK, AT_WORK, COUNTS = "work/", "work/at/", "work/count/"


def line(agent: str, place: str = "") -> str:
    return f"line/{agent}/{place}"


def later(agent: str, begin: str | None = None, place: str = "") -> str:
    """Of all of the agent's when there is no time."""
    return f"later/{agent}/{begin}/{place}" if begin else f"later/{agent}/"


def at_work(run: RunId) -> str:
    return f"{AT_WORK}{run.agent}/{run}"


def count(shard: str) -> str:
    return f"{COUNTS}{shard}"


def item(run: RunId) -> str:
    return f"item/{run}"


def trigger(run: RunId) -> str:
    return f"trigger/{run}"


def once(agent: str, name: str, place: str = "") -> str:
    return f"once/{agent}/{_short(name)}/{place}"


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
