"""Where the senders of a project's webhooks are to send.  Pure."""

from collections.abc import Mapping

from toolkit.core.agent import Project


def address(gateway: str, kind: str, source: str) -> str:
    """Of one source."""
    return f"{gateway.rstrip('/')}/webhooks/{kind}/{source}"


def addresses(project: Project, gateway: str) -> Mapping[str, str]:
    """Of every source that an agent refers to, by its name."""
    used = {trigger.source for agent in project.agents for trigger in agent.webhooks}
    sources = project.webhook_sources.items()
    return {name: address(gateway, data["type"], name) for name, data in sources if name in used}
