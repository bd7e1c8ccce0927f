"""The inventory of an AWS account obeys the laws of all inventories, for every kind of thing."""

import pytest

from infra.inventory.aws import AwsInventory
from moto_tests import holding
from tests.contracts.inventory import InventoryContract
from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.core.names import Names
from toolkit.core.ports import Context


@pytest.fixture
def client(aws_context: Context) -> holding.Client:
    return clients_for(cloud_of(aws_context.environment)).client


class TestAws(InventoryContract):
    """Project `shop` in environment `staging`, on moto."""

    @pytest.fixture
    def inventory(self, aws_context: Context) -> AwsInventory:
        return AwsInventory(aws_context, sleep=lambda _: None)

    @pytest.fixture
    def names(self, aws_context: Context) -> Names:
        return aws_context.names

    @pytest.fixture(params=holding.KINDS)
    def kind(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def world(self, client: holding.Client, names: Names) -> holding.World:
        return holding.World(client, names)
