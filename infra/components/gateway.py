"""The gateway's function, its URL, how long its events are tried, and the permissions of whoever may call it: anybody by the
URL, and its rules."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from toolkit.core.plan import Item

with warnings.catch_warnings():
    # importing this room of pulumi_aws warns about one of its classes, which we do not use
    warnings.simplefilter("ignore", DeprecationWarning)
    from pulumi_aws.lambda_.function import Function
    from pulumi_aws.lambda_.function_event_invoke_config import FunctionEventInvokeConfig
    from pulumi_aws.lambda_.function_url import FunctionUrl
    from pulumi_aws.lambda_.permission import Permission


class Gateway(pulumi.ComponentResource):
    """The function of a `function` item.  `needs` are what must be there before Lambda takes it."""

    def __init__(
        self, item: Item, *, role: pulumi.Input[str], needs: Sequence[pulumi.Resource]
    ) -> None:
        super().__init__("al:aws:Gateway", item.name)
        wanted = item.attributes
        self.function = Function(
            item.name,
            name=item.name,
            package_type="Image",
            image_uri=wanted["image"],
            role=role,
            timeout=wanted["timeout"],
            memory_size=wanted["memory"],
            environment={"variables": dict(wanted["environment"])},
            tags=dict(item.tags),
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(needs)),
        )
        self._events(item.name, wanted["events"])
        url = self._url(item.name, wanted["url"])
        for permission in wanted["permissions"]:
            self._permit(item.name, permission)
        self.url = url.function_url.apply(lambda address: address.rstrip("/"))
        self.register_outputs({"url": self.url})

    def _events(self, name: str, wanted: Mapping[str, Any]) -> None:
        FunctionEventInvokeConfig(
            name,
            function_name=self.function.name,
            maximum_event_age_in_seconds=wanted["oldest"],
            maximum_retry_attempts=wanted["retries"],
            # which takes it along: nobody needs the right to delete it
            opts=pulumi.ResourceOptions(parent=self, deleted_with=self.function),
        )

    def _url(self, name: str, wanted: Mapping[str, Any]) -> Any:
        return FunctionUrl(
            name,
            function_name=self.function.name,
            authorization_type=wanted["auth"],
            invoke_mode=wanted["invoke_mode"],
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _permit(self, name: str, wanted: Mapping[str, Any]) -> None:
        Permission(
            f"{name}-{wanted['id']}",
            statement_id=wanted["id"],
            action=wanted["action"],
            function=self.function.name,
            principal=wanted.get("principal", "*"),
            source_arn=wanted.get("source"),
            function_url_auth_type=wanted.get("url_auth"),
            invoked_via_function_url=wanted.get("via_url"),
            opts=pulumi.ResourceOptions(parent=self),
        )
