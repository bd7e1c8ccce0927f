"""What the tests of the sandbox's registry say to it, over plain HTTP."""

import hashlib
import json

import httpx

from tests.images.served import Served, put_blob

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def sha(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def upload(http: httpx.Client, name: str, data: bytes) -> httpx.Response:
    begun = http.post(f"/v2/{name}/blobs/uploads/")
    return http.put(begun.headers["Location"], params={"digest": sha(data)}, content=data)


def manifest(*blobs: str, config: str) -> bytes:
    layers = [{"mediaType": "l", "digest": digest, "size": 1} for digest in blobs]
    body = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"digest": config},
        "layers": layers,
    }
    return json.dumps(body, indent=3).encode()


def put(
    http: httpx.Client, name: str, reference: str, data: bytes, kind: str = MANIFEST
) -> httpx.Response:
    return http.put(
        f"/v2/{name}/manifests/{reference}", content=data, headers={"Content-Type": kind}
    )


def pushed(
    sandbox: Served, http: httpx.Client, name: str = "app", tag: str = "one", text: bytes = b"c"
) -> str:
    data = manifest(config=put_blob(sandbox.storage, name, text))
    return str(put(http, name, tag, data).headers["Docker-Content-Digest"])


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["errors"][0]["code"]
