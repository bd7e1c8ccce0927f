"""Routes of the API that come later, as data: each answers 503 with the reason, so that no client takes silence for success."""

from fastapi import APIRouter
from starlette.responses import JSONResponse

SCHEDULER = "there is no scheduler in this version yet: cron and webhooks need `al start`"
CALLS = "locks and calls between agents are not served by this version yet"
CONTROL = "this version's gateway starts and stops nothing yet: use `al run`"
PAGES = "this version has no web pages and statistics yet: see GET /api/runs and `al logs`"

LATER: tuple[tuple[str, str, str], ...] = (
    ("GET POST", "/webhooks/{source}", SCHEDULER),
    ("POST", "/api/webhooks/{receipt}/replay", SCHEDULER),
    ("GET", "/api/logs/scheduler", SCHEDULER),
    ("POST", "/api/logs/agents/{agent}/{run}/summarize", PAGES),
    ("POST", "/shutdown", CONTROL),
    ("POST", "/locks/{verb}", CALLS),
    ("GET", "/locks/{verb}", CALLS),
    ("POST", "/calls", CALLS),
    ("GET", "/calls/{call}", CALLS),
    ("POST", "/signals/{verb}", CALLS),
    ("GET POST", "/control/{rest:path}", CONTROL),
    ("GET", "/api/stats/{rest:path}", PAGES),
    ("GET", "/api/dashboard/{rest:path}", PAGES),
    ("GET", "/dashboard/api/{rest:path}", PAGES),
    ("GET POST DELETE", "/api/chat/{rest:path}", PAGES),
    ("POST", "/api/auth/{verb}", PAGES),
)


def _refusal(reason: str) -> JSONResponse:
    hint = "the CHANGELOG says what each version brings"
    return JSONResponse({"error": reason, "hint": hint}, status_code=503)


def _route(router: APIRouter, methods: str, path: str, reason: str) -> None:
    def refuse() -> JSONResponse:
        return _refusal(reason)

    router.add_api_route(path, refuse, methods=methods.split(), include_in_schema=False)


router = APIRouter()
for _methods, _path, _reason in LATER:
    _route(router, _methods, _path, _reason)
