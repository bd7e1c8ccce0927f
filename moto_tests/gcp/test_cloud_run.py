"""Cloud Run obeys the laws of all runtimes."""

import pytest

from moto_tests.gcp.agents import Stage
from tests.contracts.runtime import RuntimeContract


class TestCloudRun(RuntimeContract):
    """Against the embedded cloud, which really runs what it is asked to run."""

    @pytest.fixture
    def stage(self, stage: Stage) -> Stage:
        return stage
