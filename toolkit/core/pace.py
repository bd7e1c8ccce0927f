"""How often somebody who waits for a run's end asks its platform, where the run has not reported it."""

from .placement import plain

# a daemon answers in milliseconds, and what is in its containers reports nowhere but in their logs
OF_DOCKER = 1.0
OF_OTHERS = 5.0  # a call that costs, or where the run's own report says it sooner


def platform_seconds(runtime: str) -> float:
    """Seconds between two questions, by the runtime's name."""
    return OF_DOCKER if plain(runtime) == "docker" else OF_OTHERS
