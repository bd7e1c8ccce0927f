"""Everything that a Google Cloud project holds of one environment: looked for in all services at once, removed in order.

APIs stay enabled, and log entries until their retention ends: Google deletes logs only by their name, and a name is shared
by all jobs of a project (https://cloud.google.com/logging/docs/reference/v2/rest/v2/projects.logs/delete).
"""

import time
from collections.abc import Callable, Collection

from toolkit.clouds.gcp import cloud_of, gcp_clients_for
from toolkit.core.plan import Item
from toolkit.core.ports import Context, Holdings

from .account import Noun
from .gcp_buckets import Buckets, States
from .gcp_databases import Databases
from .gcp_identities import Accounts, Roles
from .gcp_images import Images, Repositories
from .gcp_project import Enabled, Project
from .gcp_run import Executions, Jobs, Services
from .gcp_secrets import Secrets
from .gcp_timers import Timers
from .holdings import observed, sorted_out, unknown

# The order of removal.  What begins runs goes first, then what runs, accounts after everything that acts as them, their role after them, the
# state of Pulumi, and the database, which holds the deploy lease, last.
NOUNS: tuple[Callable[[Project], Noun], ...] = (
    Timers, Executions, Services, Jobs, Repositories, Secrets, Accounts, Roles, States, Buckets, Databases,
)  # fmt: skip
OF_PULUMI = (States, Buckets)  # where the user has named no other place


class GcpInventory:
    """core.ports.Inventory of the environment's project and region."""

    def __init__(self, context: Context, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._names = context.names
        clients = gcp_clients_for(cloud_of(context.environment))
        project = Project(clients=clients, names=context.names, sleep=sleep)
        theirs = OF_PULUMI if context.environment.pulumi.get("backend") else ()
        self._nouns = tuple(Enabled(make(project)) for make in NOUNS if make not in theirs)
        self._images = Images(project)

    def found(
        self,
        agent: str | None = None,
        *,
        known: Collection[str] = (),
    ) -> Holdings:
        inside = () if agent is None else tuple(self._images.observe(agent))
        return sorted_out(self._names, (*inside, *observed(self._nouns)))

    def remove(self, item: Item) -> None:
        for noun in self._nouns:
            if noun.kind == item.kind:
                return noun.remove(item)
        if self._images.kind == item.kind:
            return self._images.remove(item)
        raise unknown(item)
