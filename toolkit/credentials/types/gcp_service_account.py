"""A Google service account's key: for an agent that declares it, and, in its instance `default`, for `al` itself, which
uses it where GOOGLE_APPLICATION_CREDENTIALS names nothing else."""

import json
from collections.abc import Mapping

from toolkit.core.credential import CredentialType, Field
from toolkit.core.secrets import Secret

_PARTS = ("private_key", "client_email", "project_id")


def _check(values: Mapping[str, Secret]) -> list[str]:
    try:
        key = json.loads(values["key_json"].reveal()) if "key_json" in values else None
    except ValueError:
        return ["key_json is not JSON"]
    if key is None:
        return []
    if not isinstance(key, dict) or key.get("type") != "service_account":
        return ["key_json is not the key of a service account"]
    return [f"key_json has no {part}" for part in _PARTS if not key.get(part)]


PLUGIN = CredentialType(
    id="gcp_service_account",
    label="Google service account",
    fields=(
        Field(
            name="key_json",
            label="Key file's JSON",
            env="GOOGLE_APPLICATION_CREDENTIALS_JSON",
        ),
    ),
    help_url="https://cloud.google.com/iam/docs/keys-create-delete",
    context="GOOGLE_APPLICATION_CREDENTIALS_JSON holds the key file's text, and key_json among its credential files is the "
    "file: let GOOGLE_APPLICATION_CREDENTIALS name that for an SDK, or gcloud auth activate-service-account --key-file.",
    check=_check,
)
