"""What an environment's shared state is in: the first thing that a push makes, and the last that a teardown removes."""

from toolkit.core.environment import GcpCloud
from toolkit.core.gcp_names import GcpNames
from toolkit.core.plan import Item
from toolkit.core.ports import Context

TABLE, DATABASE = "table", "database"  # DynamoDB's, and Firestore's
KINDS = frozenset({TABLE, DATABASE})


def place(context: Context) -> Item:
    """By kind and name; the ledger makes it."""
    if isinstance(context.environment.cloud, GcpCloud):
        return Item(kind=DATABASE, name=GcpNames(context.environment.scope).database)
    return Item(kind=TABLE, name=context.names.table)
