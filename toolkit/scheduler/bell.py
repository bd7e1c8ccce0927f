"""How a scheduler that sleeps hears that there is work: `Desk.wake` rings, the loop waits."""

import threading


class Bell:
    """Rung once or often, it wakes once."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def ring(self) -> None:
        self._event.set()

    def wait(self, seconds: float) -> bool:
        """Until it rings, or for so long; whether it rang."""
        rang = self._event.wait(seconds)
        self._event.clear()
        return rang
