"""The shape of what stands around a moto call: it may ask moto, change what moto says, or answer by itself."""

from collections.abc import Callable

from .calls import Answer, Call

Ask = Callable[[], Answer]
Handler = Callable[[Call, Ask], Answer]
