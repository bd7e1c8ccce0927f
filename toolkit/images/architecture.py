"""Processors by their two names: what agents call them, and what registries do.

https://github.com/opencontainers/image-spec/blob/main/config.md#properties
"""

from collections.abc import Mapping

AMD64, ARM64 = "amd64", "arm64"  # as registries call them
ARCHITECTURES: Mapping[str, str] = {"x86_64": AMD64, "arm64": ARM64}  # as agents do
