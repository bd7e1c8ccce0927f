"""What is answered to who turned a switch, in the words of what was asked: the same from a gateway and without one."""

from toolkit.core.agent import AgentName


def paused(agent: AgentName | None = None) -> str:
    """To `pause`: of one agent, or of all."""
    what = f"{agent} is paused" if agent else "paused"
    return f"{what}: what runs goes on, and nothing else {'of it ' if agent else ''}starts"


def resumed(agent: AgentName | None = None) -> str:
    """To `resume`."""
    return f"{agent} is resumed" if agent else "resumed"


def disabled(agent: AgentName) -> str:
    """To `disable`, which is the same as `pause`."""
    return f"{agent} is disabled"


def enabled(agent: AgentName) -> str:
    """To `enable`, which is the same as `resume`."""
    return f"{agent} is enabled"


def scaled(most: int, agent: AgentName | None = None) -> str:
    """To another scale: of one agent, or of all."""
    return (
        f"at most {most} {'run' if most == 1 else 'runs'}{f' of {agent}' if agent else ''} at once"
    )
