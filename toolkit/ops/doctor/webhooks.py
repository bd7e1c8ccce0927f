"""The webhook triggers of a project, as a doctor sees them: who may send an event that nobody has signed.

That sources, types and filters are right is the configuration's (config/triggers); that their secrets are there is the
credentials'.  Asks nobody.
"""

from collections.abc import Iterator

from toolkit.core.agent import Project
from toolkit.core.environment import Environment
from toolkit.ops.doctor.findings import Finding, warning
from toolkit.ops.webhook_addresses import address

UNSIGNED_TYPE = "test"


def found(
    project: Project, environment: Environment, gateway: str | None = None
) -> Iterator[Finding]:
    """Sources in use whose events are taken without a signature; `gateway` is its URL, where that is known."""
    active = [agent for agent in project.agents if agent.scale > 0]
    for name, source in project.webhook_sources.items():
        agents = [str(a.name) for a in active if any(t.source == name for t in a.webhooks)]
        if not agents:
            continue
        where = address(gateway, source["type"], name) if gateway else "the gateway's address"
        whose = f"whoever knows {where} can start {', '.join(agents)}"
        if source["type"] == UNSIGNED_TYPE and _public(environment):
            message = f"its type is {UNSIGNED_TYPE!r}, which verifies nothing: {whose}"
            yield warning(
                f"webhooks.{name}", message, "use it on this machine and in the sandbox only"
            )
        elif source["allowUnsigned"]:
            message = f"takes events that nobody has signed: {whose}"
            yield warning(
                f"webhooks.{name}",
                message,
                "remove allowUnsigned, and add its secret with `al creds add`",
            )


def _public(environment: Environment) -> bool:
    """Whether strangers reach its gateway: not this machine's, nor the sandbox's."""
    return environment.cloud is not None and not environment.embedded
