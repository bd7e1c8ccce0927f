"""How many may be at work, as the roster, the switches and the turns at backends are now.  Reads; changes nothing."""

from toolkit.core.agent import AgentName
from toolkit.core.work import Rooms

from . import switches, usher
from .desk import Desk


def rooms(desk: Desk) -> Rooms:
    """What may be taken: nothing more of an agent whose next run waits for its turn at a backend."""
    wanted = open_rooms(desk)
    if not wanted.agents:
        return wanted
    back = usher.kept_back_agents(desk.services.ledger, desk.clock())
    agents = {name: min(scale, back.get(name, scale)) for name, scale in wanted.agents.items()}
    return Rooms(agents={n: room for n, room in agents.items() if room > 0}, total=wanted.total)


def open_rooms(desk: Desk) -> Rooms:
    """As the roster and the switches say: none while all is paused, or where nothing at all may be at work."""
    roster, turned = desk.roster(), switches.read(desk.services.ledger)
    if turned.paused or turned.limit(roster) == 0:
        return Rooms(agents={})
    names = roster.posts.keys() - set(turned.disabled)
    scales = {name: turned.scale(roster, name) for name in names if desk.ready(AgentName(name))}
    return Rooms(
        agents={name: scale for name, scale in scales.items() if scale > 0},
        total=turned.limit(roster),
    )
