"""Builds in Cloud Build: what it is told, what is heard of it, and that nothing goes on there without us."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import FakeClock
from tests.images.served import served
from toolkit.core.environment import Environment, GcpCloud, Scope
from toolkit.core.errors import AlError, ConfigError
from toolkit.core.ports import Context, LayerFile
from toolkit.images.builders.cloudbuild import PLUGIN, CloudBuild
from toolkit.images.order import carried, order

SCOPE = Scope(project="shop", environment="production")
BUILDS = "/v1/projects/shop-1/locations/europe-west1/builds"
ONE = order("dev", "al-base", "FROM x\n", {"data.txt": LayerFile(b"brought along")})
TWO = order("other", "al-base", "FROM y\n", {})


@dataclass
class Service:
    """Plays `steps` for every build, one at each look: (status, what has been said since).

    Of the first `lost` builds that it starts, it never says so.
    """

    steps: list[tuple[str, list[str]]]
    lost: int = 0
    asked: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    said: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        size = int(environ.get("CONTENT_LENGTH") or 0)
        body = json.loads(environ["wsgi.input"].read(size) or b"{}")
        self.paths.append(environ["PATH_INFO"])
        answer = self._answer(environ["PATH_INFO"], body)
        heard = environ["PATH_INFO"] != BUILDS or not body or len(self.asked) > self.lost
        start("200 OK" if heard else "503 Down", [("Content-Type", "application/json")])
        return [json.dumps(answer).encode() if heard else b""]

    def _answer(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if path == BUILDS and not body:
            going = enumerate(self.asked, 1)
            return {"builds": [{"id": f"b-{n}", "tags": asked["tags"]} for n, asked in going]}
        if path == BUILDS:
            self.asked.append(body)
            return {"name": "operations/1", "metadata": {"build": {"id": f"b-{len(self.asked)}"}}}
        if path == "/v2/entries:list":
            return {"entries": self.said}  # all of it: what was heard before is told again
        if path.endswith(":cancel"):
            return {}
        return self._look()

    def _look(self) -> dict[str, Any]:
        status, lines = self.steps.pop(0)
        self.steps = self.steps or [(status, [])]
        at = len(self.said)
        self.said += [
            {"timestamp": f"2026-11-20T12:00:{n:02}Z", "insertId": str(n), "textPayload": line}
            for n, line in enumerate(lines, at)
        ]
        return {"status": status, "logUrl": "https://console", "failureInfo": {"detail": "step 0"}}


@pytest.fixture
def service() -> Service:
    return Service([("QUEUED", []), ("WORKING", ["Step 1"]), ("SUCCESS", ["Step 2"])])


@pytest.fixture
def builder(service: Service, tmp_path: Path) -> Iterator[CloudBuild]:
    with served(service) as url:
        cloud = GcpCloud(
            project="shop-1",
            region="europe-west1",
            repository="al-images",
            endpoint="127.0.0.1:1",
            http_endpoint=url,
            registry="127.0.0.1:1",
        )
        environment = Environment(name="production", scope=SCOPE, cloud=cloud)
        context, clock = (
            Context(environment=environment, home=tmp_path, project=tmp_path),
            FakeClock(),
        )
        made = PLUGIN(context, sleep=lambda s: clock.sleep(s * 100), clock=clock.monotonic)
        made.__dict__["_registry"] = Carrier()
        yield made


@dataclass
class Carrier:
    """Notes what is carried to the registry; that one itself is tested with CodeBuild."""

    carried: dict[str, list[str]] = field(default_factory=dict)

    def digest(self, repository: str, tag: str) -> str | None:
        return "sha256:1" if tag in self.carried else None

    def push_base(self, repository: str, tag: str, files: dict[str, LayerFile], _: object) -> None:
        self.carried[tag] = sorted(files)


def test_a_build_runs_as_our_account_and_is_told_nothing_secret(
    builder: CloudBuild, service: Service
) -> None:
    """Its script is left as it is; what differs is in variables; the log goes to Cloud Logging."""
    builder.make([ONE], lambda _: None)
    (build,) = service.asked
    assert build["serviceAccount"] == (
        "projects/shop-1/serviceAccounts/bd-al-shop-production@shop-1.iam.gserviceaccount.com"
    )
    assert build["options"] == {"logging": "CLOUD_LOGGING_ONLY"}
    (step,) = build["steps"]
    place = "europe-west1-docker.pkg.dev/shop-1/al-images/al-base"
    assert step["env"] == [
        f"AL_CONTEXT={place}:{carried(ONE)[0]}",
        "AL_PLATFORM=linux/amd64",
        f"AL_TARGET={place}:{ONE.tag}",
    ]
    assert not {"args", "entrypoint"} & step.keys()


def test_each_line_is_heard_once(builder: CloudBuild) -> None:
    """However often it is told."""
    said: list[str] = []
    builder.make([ONE], said.append)
    assert said == ["building dev", "dev: Step 1", "dev: Step 2"]


@pytest.mark.parametrize("status", ["FAILURE", "TIMEOUT", "CANCELLED", "EXPIRED", "INTERNAL_ERROR"])
def test_every_other_end_is_a_failure(builder: CloudBuild, service: Service, status: str) -> None:
    """With the log's end, and where all of it is."""
    service.steps = [(status, ["no such file"])]
    with pytest.raises(AlError, match=r"\(step 0\):\nno such file") as caught:
        builder.make([ONE], lambda _: None)
    assert "https://console" in caught.value.hint


def test_who_goes_away_leaves_nothing_going_on(builder: CloudBuild, service: Service) -> None:
    """Ctrl-C cancels it."""

    def interrupted(line: str) -> None:
        if "Step" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        builder.make([ONE], interrupted)
    assert service.paths[-1] == f"{BUILDS}/b-1:cancel"


def test_a_build_whose_beginning_was_not_heard_of_is_found_again(
    builder: CloudBuild, service: Service
) -> None:
    """The service takes no request id, and two builds of one image are paid for twice."""
    service.lost = 1
    builder.make([ONE], lambda _: None)
    assert len(service.asked) == 1
    assert f"{BUILDS}/b-1" in service.paths


def test_what_a_push_left_behind_is_followed_by_the_next(
    builder: CloudBuild, service: Service
) -> None:
    """A killed one; a build of another image, or for another environment, is none of ours."""
    builder.make([ONE], lambda _: None)
    service.steps = [("SUCCESS", [])]
    builder.make([ONE, TWO], lambda _: None)
    first, second = (asked["tags"] for asked in service.asked)
    assert ONE.tag in first
    assert TWO.tag in second


def test_there_are_no_machines_for_arm(builder: CloudBuild, service: Service) -> None:
    """Said before anything is begun."""
    with pytest.raises(ConfigError, match="no machines for linux/arm64"):
        builder.make(
            [order("arm", "al-base", "FROM x\n", {}, architecture="arm64")], lambda _: None
        )
    assert not service.asked
