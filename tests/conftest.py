"""What holds for every test here."""

import gc
import os

# A developer's own Docker would otherwise be what `-E local` runs agents in; the tests of Docker start one of their own.
os.environ["DOCKER_HOST"] = "unix:///nonexistent/docker.sock"


def pytest_collection_finish() -> None:
    """Libraries and the tests themselves stay until the end: to look for garbage among them is a seventh of all time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
