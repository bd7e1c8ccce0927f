"""Google's JSON APIs as whoever runs `al`: what is sent, and what refusals and silence become."""

from pathlib import Path

import pytest

from tests.clouds.gcp_server import served
from tests.clouds.test_gcp_login import TOKEN, federated
from toolkit.clouds.gcp import GcpClients
from toolkit.clouds.gcp_http import Http
from toolkit.core.environment import GcpCloud
from toolkit.core.errors import AccessDenied, NotFound, Unreachable

BUCKET = ("storage", "v1", "b", "a/b c")


def http(address: str) -> Http:
    cloud = GcpCloud(
        project="p", region="r", repository="i", endpoint="127.0.0.1:9", http_endpoint=address
    )
    return Http(GcpClients(cloud), "storage.googleapis.com")


def test_a_part_of_a_path_keeps_its_slashes() -> None:
    """An object's name is one part of its address, whatever is in it
    (https://cloud.google.com/storage/docs/request-endpoints#encoding)."""
    with served((200, {"labels": {}})) as server:
        assert http(f"http://{server.address}").ask("GET", BUCKET, "looking") == {"labels": {}}
    assert server.asked[0].line.split()[1] == "/storage/v1/b/a%2Fb%20c"


def test_the_login_s_token_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the libraries for other services do."""
    monkeypatch.delenv("AL_GCP_ENDPOINT", raising=False)
    with served((200, TOKEN), (200, {})) as server:
        file = federated(tmp_path, f"http://{server.address}/v1/token")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        cloud = GcpCloud(
            project="p", region="r", repository="i", http_endpoint=f"http://{server.address}"
        )
        assert Http(GcpClients(cloud), "x.googleapis.com").ask("DELETE", BUCKET, "deleting") == {}
    assert server.asked[1].headers["authorization"] == "Bearer federated"


@pytest.mark.parametrize(("status", "kind"), [(404, NotFound), (403, AccessDenied)])
def test_a_refusal_is_one_of_ours(status: int, kind: type[Exception]) -> None:
    """By its status, with Google's words: this API's errors have no word for their code
    (https://cloud.google.com/storage/docs/json_api/v1/status-codes)."""
    body = {"error": {"code": status, "message": "ada may not storage.buckets.get"}}
    with served((status, body)) as server, pytest.raises(kind, match=r"looking: ada may not"):
        http(f"http://{server.address}").ask("GET", BUCKET, "looking")


def test_silence_is_temporary() -> None:
    """It may have happened there all the same."""
    with pytest.raises(Unreachable) as raised:
        http("http://127.0.0.1:9").ask("POST", BUCKET, "making", body={"name": "x"})
    assert raised.value.temporary
