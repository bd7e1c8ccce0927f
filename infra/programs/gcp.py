"""The Pulumi program for Google Cloud: every item of infra/desired/gcp.py as a component.

It runs unchanged in Pulumi's engine and in the sandbox's.  Names are explicit everywhere: a generated one could not be
found again by the runtimes, nor told from a stranger's.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import pulumi

from infra.components.gcp_api import Api
from infra.components.gcp_credential import Credential
from infra.components.gcp_identity import Identity
from infra.components.gcp_images import Images
from infra.components.gcp_role import Role
from infra.components.gcp_service import Service
from infra.components.gcp_timer import Timer
from toolkit.core.plan import Item

from .importing import NOTHING_ADOPTED, importing


def program(
    project: str,
    items: Iterable[Item],
    adopted: Mapping[tuple[str, str], str] = NOTHING_ADOPTED,
) -> Callable[[], None]:
    """What Pulumi runs.  Exports `accounts` (id to e-mail) and, with a gateway, `gateway_url`.

    `project` is Google's; `adopted` are import ids, as in importing.py.
    """
    by_kind: dict[str, list[Item]] = {}
    for item in items:
        by_kind.setdefault(item.kind, []).append(item)

    def each(kind: str, make: Callable[[Item], Any]) -> dict[str, Any]:
        return {item.name: make(item) for item in by_kind.get(kind, ())}

    def run() -> None:
        if adopted:
            pulumi.runtime.register_stack_transformation(importing(adopted))
        apis = list(each("api", lambda item: Api(item, project)).values())
        images = each("image_repository", lambda item: Images(item, project, apis))
        secrets = each("secret", lambda item: Credential(item, project, apis))
        roles = list(each("custom_role", lambda item: Role(item, project, apis)).values())
        identities = each("service_account", lambda item: Identity(item, project, [*apis, *roles]))
        pulumi.export("accounts", {name: i.account.email for name, i in identities.items()})
        for item in by_kind.get("service_account", ()):
            for actor in item.attributes.get("actors", ()):
                identities[item.name].admit(actor, identities[actor].account.email)
        for item in by_kind.get("run_service", ()):
            identity = identities[item.attributes["account"]]
            needs = [identity, *images.values(), *secrets.values()]
            email = identity.account.email
            url = Service(item, project, email, needs).url
            pulumi.export("gateway_url", url)
            each("timer", partial(_timer, project=project, url=url, account=email))

    return run


def _timer(item: Item, *, project: str, url: pulumi.Output[str], account: Any) -> Timer:
    return Timer(item, project, url, account)
