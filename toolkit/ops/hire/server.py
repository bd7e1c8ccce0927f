"""Whether the model server of an agent that is about to be hired answers.  Only told: it may be switched on later."""

from toolkit.core.agent import Model
from toolkit.llm.probe import probe

from .section import LOCAL_MODEL


def trouble(base_url: str, model: str | None) -> str:
    """What is in the way from this machine, and what to do; empty when it answers.  Asks for no token."""
    name = model or LOCAL_MODEL
    asked = Model(name=name, provider="custom", model=name, auth_type="none", base_url=base_url)
    failure = probe(asked, None, reply=False).failure
    if failure is None or (failure.layer.value == "model" and model is None):
        return ""  # a name that nobody chose says nothing
    return f"{failure.message}; {failure.remedy}"
