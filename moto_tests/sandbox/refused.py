"""One word for the tests of refusals: the code that a call was refused with."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


def code(call: Callable[..., Any], **parameters: Any) -> str:
    """The error code; fails when the call is accepted."""
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    return str(refused.value.response["Error"]["Code"])


def accepted(call: Callable[..., Any], **parameters: Any) -> bool:
    """Whether the call goes through: a limit is the last value that is allowed."""
    return int(call(**parameters)["ResponseMetadata"]["HTTPStatusCode"]) < 300
