"""The gateway's clock on Google Cloud: one job of Cloud Scheduler that calls it.  Pure.

It calls as the gateway's own account, whose OpenID Connect token the gateway checks (gateway/identity.py): no account and
no secret more.  Cloud Scheduler's own agent makes the token
(https://cloud.google.com/scheduler/docs/http-target-auth).
"""

from collections.abc import Iterable, Iterator, Mapping

from toolkit.core.agent import Agent
from toolkit.core.environment import GcpCloud, Scope
from toolkit.core.gcp_names import GcpNames
from toolkit.core.names import GATEWAY, TIMER, Names
from toolkit.core.plan import Item

from . import schedule

KIND = "timer"
PATH = "/tick"
# five fields, a minute at least (https://cloud.google.com/scheduler/docs/configuring/cron-job-schedules)
CRON: Mapping[str, str] = {schedule.OFTEN: "* * * * *", schedule.SELDOM: "*/15 * * * *"}
# seconds, 15 to 1,800, in which a tick must have ended (gateway/tick.py); a new call does not begin before the last one ended
# (https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#Job)
DEADLINE = 120


def items(cloud: GcpCloud, scope: Scope, agents: Iterable[Agent]) -> Iterator[Item]:
    """The job.  Its service must be there."""
    google = GcpNames(scope)
    yield Item(
        kind=KIND,
        name=google.job(TIMER),
        attributes={
            "location": cloud.region,
            "schedule": CRON[schedule.rate(agents)],
            "time_zone": "Etc/UTC",
            "service": google.service,
            "path": PATH,
            "account": google.service_account(GATEWAY),
            "deadline": DEADLINE,
        },
        tags=Names(scope).tags(),
    )
