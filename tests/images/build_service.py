"""CodeBuild as a client sees it, over real HTTP: a project, builds that go through given steps, and their log.

Its registry's login is answered as well.  What the real service refuses and this does not is not tested by it.
"""

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.images.served import TOKEN

Step = tuple[str, list[str]]  # a build's status, and what it has said since the step before


@dataclass
class BuildService:
    """`steps` are played by every build, one at each look; the last one stays."""

    steps: list[Step]
    projects: dict[str, dict[str, Any]] = field(default_factory=dict)
    builds: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        size = int(environ.get("CONTENT_LENGTH") or 0)
        body = json.loads(environ["wsgi.input"].read(size) or b"{}")
        operation = environ["HTTP_X_AMZ_TARGET"].partition(".")[2]
        self.calls.append(operation)
        answers: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "GetAuthorizationToken": _login,
            "BatchGetProjects": self._projects,
            "CreateProject": self._keep,
            "UpdateProject": self._keep,
            "StartBuild": self._start,
            "BatchGetBuilds": self._builds,
            "StopBuild": self._stop,
            "GetLogEvents": self._log,
        }
        answer = json.dumps(answers[operation](body)).encode()
        start("200 OK", [("Content-Type", "application/x-amz-json-1.1")])
        return [answer]

    def _projects(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"projects": [self.projects[n] for n in body["names"] if n in self.projects]}

    def _keep(self, body: dict[str, Any]) -> dict[str, Any]:
        self.projects[body["name"]] = {**body, "created": 0}
        return {"project": body}

    def _start(self, body: dict[str, Any]) -> dict[str, Any]:
        build = f"{body['projectName']}:{len(self.builds)}"
        self.builds[build] = {"asked": body, "steps": list(self.steps), "said": []}
        return {"build": {"id": build, "buildStatus": "IN_PROGRESS"}}

    def _builds(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"builds": [self._look(build) for build in body["ids"]]}

    def _look(self, build: str) -> dict[str, Any]:
        one = self.builds[build]
        status, lines = one["steps"].pop(0)
        one["steps"] = one["steps"] or [(status, [])]
        one["said"] += lines
        failed = {
            "phaseType": "BUILD",
            "phaseStatus": "FAILED",
            "contexts": [{"message": "exit 1"}],
        }
        return {
            "id": build,
            "buildStatus": status,
            "phases": [failed] if status == "FAILED" else [],
            "logs": {"groupName": "group", "streamName": build, "deepLink": "https://console"},
        }

    def _log(self, body: dict[str, Any]) -> dict[str, Any]:
        said, at = self.builds[body["logStreamName"]]["said"], int(body.get("nextToken") or 0)
        events = [{"message": f"{line}\n", "timestamp": 0} for line in said[at:]]
        return {"events": events, "nextForwardToken": str(len(said))}

    def _stop(self, body: dict[str, Any]) -> dict[str, Any]:
        self.stopped.append(body["id"])
        return {}


def _login(_: dict[str, Any]) -> dict[str, Any]:
    token = base64.b64encode(f"AWS:{TOKEN}".encode()).decode()
    return {"authorizationData": [{"authorizationToken": token}]}
