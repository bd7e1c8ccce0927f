"""Gives what is there already its import id: in one place, so that no component knows of adoption."""

from collections.abc import Mapping
from types import MappingProxyType

import pulumi

NOTHING_ADOPTED: Mapping[tuple[str, str], str] = MappingProxyType({})


def importing(adopted: Mapping[tuple[str, str], str]) -> pulumi.ResourceTransformation:
    """`adopted` are the import ids, by type token and name, of resources that are there and not in the state."""

    def transform(
        given: pulumi.ResourceTransformationArgs,
    ) -> pulumi.ResourceTransformationResult | None:
        ref = adopted.get((given.type_, given.name))
        if ref is None:
            return None
        options = pulumi.ResourceOptions.merge(given.opts, pulumi.ResourceOptions(import_=ref))
        return pulumi.ResourceTransformationResult(props=given.props, opts=options)

    return transform
