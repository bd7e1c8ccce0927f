"""Whatever is sent, the gateway answers with a status that it has described, and never with a failure of its own."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.app import create_app
from tests.gateway.place import BEARER, KEY, QUICK
from tests.gateway.shop import ROSTER
from tests.services import FakeServices
from toolkit.core.agent import AgentName
from toolkit.core.clock import iso, now
from toolkit.core.environment import Environment, Scope
from toolkit.core.ports import Context
from toolkit.core.run import Run, RunId, RunState, TriggerKind
from toolkit.core.secrets import Secret
from toolkit.scheduler import tokens
from toolkit.scheduler.desk import Desk
from toolkit.wiring import Services

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its own imports
    import schemathesis
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error
    from schemathesis.core.failures import FailureGroup
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

EXAMPLES, STRANGERS = 10, 3  # for each route
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
STREAM = "/dashboard/api/status-stream"  # it never ends by itself
DOCUMENT: dict[str, Any] = create_app(FakeServices(Path())).openapi()
OPERATIONS = [
    (method, path) for path, methods in DOCUMENT["paths"].items() for method in methods
    if path != STREAM
]  # fmt: skip


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The gateway in this process, over a ledger of its own."""
    directory = tmp_path_factory.mktemp("api")
    environment = Environment(name="local", scope=Scope(project="shop", environment="local"))
    services = Services(
        Context(environment=environment, home=directory / "home", project=directory)
    )
    services.ledger.prepare()
    services.local_store.put("gateway_api_key/default/key", Secret(KEY), tags={})
    desk = Desk(services=services, roster=lambda: ROSTER)
    app = create_app(services, pace=QUICK, desk=desk, stop=lambda: None)
    schema = schemathesis.openapi.from_dict(app.openapi())
    schema.app = app
    return schema


@pytest.fixture
def guest(api: Any) -> Mapping[str, str]:
    """What a run that goes on sends along."""
    ledger, run = api.app.state.desk.services.ledger, RunId.new(AgentName("dev"))
    token, digest = tokens.new(run)
    record = Run(
        id=run,
        agent=run.agent,
        runtime="local",
        trigger=TriggerKind.MANUAL,
        created=iso(now()),
        state=RunState.RUNNING,
        token=digest,
    )
    ledger.add(record)
    return {"Authorization": f"Bearer {token.reveal()}"}


def tried(api: Any, method: str, path: str, headers: Mapping[str, str], examples: int) -> None:
    """With what the description allows, and with what it does not.  Raises what is found out."""
    route = api[path][method]
    cases = st.one_of(*(route.as_strategy(generation_mode=mode) for mode in GenerationMode))

    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(data=st.data())
    def holds(data: st.DataObject) -> None:
        data.draw(cases).call_and_validate(headers=headers, checks=CHECKS)

    holds()


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_no_request_makes_the_gateway_fail(
    api: Any, guest: Mapping[str, str], method: str, path: str
) -> None:
    """No 5xx, no undocumented status, and what is answered is what was described: to who has the key and, where that opens
    nothing, to a run with its token."""
    theirs = not DOCUMENT["paths"][path][method]["security"]
    tried(api, method, path, guest if theirs else BEARER, EXAMPLES)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_a_stranger_s_request_does_not_either(api: Any, method: str, path: str) -> None:
    """Who has no key hears what was described as well."""
    tried(api, method, path, {}, STRANGERS)


@pytest.mark.parametrize("status", [418, 500])
def test_a_status_that_was_not_described_is_found_out(status: int) -> None:
    """Or these tests would prove nothing."""
    app = FastAPI()

    @app.get("/tea", responses={200: {}})
    def tea() -> Response:
        return Response(status_code=status)

    schema = schemathesis.openapi.from_dict(app.openapi())
    schema.app = app
    with pytest.raises(FailureGroup, match=r"status code|Server error"):
        tried(schema, "get", "/tea", {}, EXAMPLES)
