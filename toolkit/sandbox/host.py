"""What running things share: the cloud, images, logs, roles, and the sandbox's own directory."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .access import Access
from .cloud import Cloud
from .images import Images
from .logs import Logs
from .roles import Roles
from .settings import Settings

if TYPE_CHECKING:
    from .tasks import RunningTask


@dataclass(frozen=True, kw_only=True)
class Host:
    """`work` holds one directory per task or Lambda environment, removed with it."""

    cloud: Cloud
    images: Images
    logs: Logs
    roles: Roles
    access: Access
    work: Path
    settings: Callable[[], Settings]
    touch: Callable[[], None] = lambda: None
    tasks: dict[str, "RunningTask"] = field(default_factory=dict)
    ended: list[Callable[[Any], None]] = field(default_factory=list)  # who hears of tasks that stop

    def surroundings(self) -> dict[str, str]:
        """What a real container knows of its cloud, and the address of this one."""
        return {
            "AWS_ENDPOINT_URL": self.cloud.endpoint,
            "AWS_REGION": self.cloud.region,
            "AWS_DEFAULT_REGION": self.cloud.region,
            "AWS_EC2_METADATA_DISABLED": "true",  # there is none, and looking for it takes seconds
        }
