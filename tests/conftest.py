"""What holds for every test here."""

import os

# A developer's own Docker would otherwise be what `-E local` runs agents in; the tests of Docker start one of their own.
os.environ["DOCKER_HOST"] = "unix:///nonexistent/docker.sock"
