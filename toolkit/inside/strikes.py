"""When to give up: the same refusals, again and again, that no further try of a model will change."""

MOST = 3
PATTERNS = (
    "permission denied",
    "could not read from remote repository",
    "resource not accessible by personal access token",
    "bad credentials",
    "authentication failed",
    "requested url returned error: 403",
    "requested url returned 403",
    "denied to ",
)


class Unrecoverable(Exception):
    """Tools were refused MOST times."""


class Strikes:
    """Counts refusals in the errors of tools."""

    def __init__(self) -> None:
        self._count = 0

    def add(self, error: str) -> None:
        """Raises Unrecoverable at the last one."""
        if not any(pattern in error.lower() for pattern in PATTERNS):
            return
        self._count += 1
        if self._count >= MOST:
            raise Unrecoverable(f"tools were refused {MOST} times")
