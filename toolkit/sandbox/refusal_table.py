"""The shape of a rule: it looks at a call, and at what the cloud has, and raises Refusal or does nothing."""

from collections.abc import Callable, Mapping

from .calls import Call
from .cloud import Cloud

Rule = Callable[[Call, Cloud], None]
Rules = Mapping[tuple[str, str], tuple[Rule, ...]]
