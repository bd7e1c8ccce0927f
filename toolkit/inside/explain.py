"""What ended a session: the exit code that it means, and why in words."""

from toolkit.core.errors import AlError, ConfigError, CredentialError

from .budget import OverBudget
from .loop_guard import Stuck
from .outcome import ERROR
from .strikes import Unrecoverable

AUTHENTICATION, RATE_LIMITED, INVALID, DEPENDENCY, UNRECOVERABLE, OVER_BUDGET = (
    10,
    12,
    13,
    14,
    15,
    17,
)


def explain(error: BaseException) -> tuple[int, str]:
    match error:
        case CredentialError():
            return AUTHENTICATION, f"{error.message} ({error.hint})"
        case ConfigError():
            return INVALID, f"{error.message} ({error.hint})"
        case AlError():
            return DEPENDENCY, f"{error.message} ({error.hint})"
        case Unrecoverable():
            return UNRECOVERABLE, f"aborting: repeated auth or permission failures: {error}"
        case Stuck():
            return UNRECOVERABLE, f"the model goes round in circles: {error}"
        case OverBudget():
            return OVER_BUDGET, str(error)
        case ImportError():
            return INVALID, f"the image lacks {error.name}: its base must have al-toolkit[agent]"
    return _explain_model(error)


def _explain_model(error: BaseException) -> tuple[int, str]:
    from pydantic_ai import exceptions as theirs

    from toolkit.llm.patience import Exhausted

    from .compaction import TooLong

    match error:
        case Exhausted() if error.silent:
            return DEPENDENCY, f"{error.silent}: {error.message}"
        case Exhausted():
            return RATE_LIMITED if error.busy else DEPENDENCY, error.message
        case TooLong():
            return UNRECOVERABLE, str(error)
        case theirs.ModelAuthenticationError():
            return AUTHENTICATION, f"{error.model_name} refused its key: {error.message}"
        case theirs.ModelContextWindowExceededError():
            return UNRECOVERABLE, f"the conversation is too long for {error.model_name}"
        case theirs.ModelRequestRejectedError():
            return INVALID, f"{error.model_name} refused the request: {error.message}"
        case theirs.AgentRunError():
            return ERROR, error.message
    return ERROR, f"{type(error).__name__}: {error}"
