"""Where containers of this machine reach the gateway."""

from toolkit.core.environment import Environment, Scope
from toolkit.ops.start import bridge
from toolkit.ops.start.serving import also

HERE = Environment(name="local", scope=Scope(project="shop", environment="local"))
OURS = {"Name": "al-bridge", "IPAM": {"Config": [{"Gateway": "172.20.0.1"}]}}
DEFAULT = {
    "Name": "bridge",
    "IPAM": {"Config": [{"Subnet": "fd00::/64"}, {"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1"}]},
}  # fmt: skip


def test_it_is_the_default_bridges_own_address() -> None:
    """As the daemon lists it (https://docs.docker.com/reference/api/engine/version/v1.47/#tag/Network); not another's whose name only contains its."""
    assert bridge.gateway_of([OURS, DEFAULT]) == "172.17.0.1"


def test_a_daemon_without_a_bridge_has_none() -> None:
    """Started with --bridge=none, or with networks that have no addresses."""
    assert bridge.gateway_of([]) is None
    assert bridge.gateway_of([{"Name": "bridge", "IPAM": {"Config": None}}]) is None


def test_without_docker_nobody_is_asked() -> None:
    """Processes reach the loopback."""
    assert bridge.of(HERE) is None


def test_an_address_that_is_not_this_machines_is_done_without() -> None:
    """On Docker Desktop the bridge is in a virtual machine, which forwards to the loopback."""
    assert also("192.0.2.1", 0) is None
    assert also(None, 0) is None
