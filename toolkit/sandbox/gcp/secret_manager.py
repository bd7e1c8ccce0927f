"""Secret Manager: https://cloud.google.com/secret-manager/docs/reference/rpc/google.cloud.secretmanager.v1.

Answers name the project by its number, as Google's do.  A payload is kept in memory and shown to whoever may access it,
in no log and in no error.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from google.cloud import secretmanager_v1 as sm
from google.protobuf import empty_pb2

from . import policies
from .crc32c import crc32c
from .filters import labelled
from .pages import page
from .refusals import already_exists, invalid, precondition
from .rpc import Call, Rpc, Service
from .secret_checks import check_id, check_payload, check_replication, check_secret, expiry
from .secrets_state import Secrets, State, Stored, Version

SERVICE = "secretmanager.googleapis.com"
LONGEST_PAGE = 25_000
_MUTABLE = frozenset(
    ("labels", "annotations", "ttl", "expire_time", "version_aliases", "version_destroy_ttl", "topics", "rotation")
)  # fmt: skip


class SecretManager(Service):
    """Secrets of the one project.  Regional secrets, which have another endpoint, are not here."""

    def rpcs(self) -> Mapping[str, Rpc]:
        secrets, versions = "secretmanager.secrets", "secretmanager.versions"
        return {
            "CreateSecret": Rpc(sm.CreateSecretRequest, self.create, f"{secrets}.create", "parent"),
            "GetSecret": Rpc(sm.GetSecretRequest, self.get, f"{secrets}.get"),
            "ListSecrets": Rpc(sm.ListSecretsRequest, self.list, f"{secrets}.list", "parent"),
            "UpdateSecret": Rpc(
                sm.UpdateSecretRequest, self.update, f"{secrets}.update", "secret.name"
            ),
            "DeleteSecret": Rpc(sm.DeleteSecretRequest, self.delete, f"{secrets}.delete"),
            "AddSecretVersion": Rpc(
                sm.AddSecretVersionRequest, self.add, f"{versions}.add", "parent"
            ),
            "GetSecretVersion": Rpc(
                sm.GetSecretVersionRequest, self.get_version, f"{versions}.get"
            ),
            "ListSecretVersions": Rpc(
                sm.ListSecretVersionsRequest, self.list_versions, f"{versions}.list", "parent"
            ),
            "AccessSecretVersion": Rpc(
                sm.AccessSecretVersionRequest, self.access, f"{versions}.access"
            ),
            "EnableSecretVersion": Rpc(
                sm.EnableSecretVersionRequest, self.enable, f"{versions}.enable"
            ),
            "DisableSecretVersion": Rpc(
                sm.DisableSecretVersionRequest, self.disable, f"{versions}.disable"
            ),
            "DestroySecretVersion": Rpc(
                sm.DestroySecretVersionRequest, self.destroy, f"{versions}.destroy"
            ),
            **policies.rpcs(self.google, self._exists, secrets, empty_when_missing=True),
        }

    # secrets

    def create(self, asked: sm.CreateSecretRequest, _: Call) -> sm.Secret:
        self._spend("write")
        name = f"{self._project(asked.parent)}/secrets/{asked.secret_id}"
        check_id(asked.secret_id)
        secret, now = sm.Secret(asked.secret), self.google.now()
        check_replication(secret)
        check_secret(secret, now)
        if self._exists(name):
            raise already_exists(name, message=f"Secret [{name}] already exists.")
        secret.name, secret.create_time = name, now
        _expire(secret, now)
        secret.etag = self._secrets.etag()
        policies.PolicyBook(self.google).forget(name)  # of one that has expired
        self._secrets.by_name[name] = Stored(secret)
        return secret

    def get(self, asked: sm.GetSecretRequest, _: Call) -> sm.Secret:
        self._spend("read")
        return self._find(asked.name).about

    def list(self, asked: sm.ListSecretsRequest, _: Call) -> sm.ListSecretsResponse:
        self._spend("read")
        self._project(asked.parent)
        wanted = labelled(asked.filter)
        found = [s.about for _, s in self._secrets.living(self.google.now())]
        found = [secret for secret in reversed(found) if wanted(secret.name, secret.labels)]
        items, token = page(found, asked, LONGEST_PAGE, self.google.settings.page_items)
        return sm.ListSecretsResponse(secrets=items, next_page_token=token, total_size=len(found))

    def update(self, asked: sm.UpdateSecretRequest, _: Call) -> sm.Secret:
        self._spend("write")
        stored = self._find(asked.secret.name)
        _match(asked.secret.etag, stored.about.etag)
        paths = tuple(asked.update_mask.paths)
        if not paths or not set(paths) <= _MUTABLE:
            raise invalid("update_mask", f"{', '.join(paths) or 'nothing'} cannot be updated")
        changed = sm.Secret(stored.about)
        for path in paths:
            setattr(changed, path, getattr(asked.secret, path))
        if "ttl" in paths:
            changed.expire_time = None
        now = self.google.now()
        check_secret(changed, now)
        _expire(changed, now)
        changed.etag = self._secrets.etag()
        stored.about = changed
        return changed

    def delete(self, asked: sm.DeleteSecretRequest, _: Call) -> Any:
        self._spend("write")
        stored = self._find(asked.name)
        _match(asked.etag, stored.about.etag)
        del self._secrets.by_name[stored.about.name]
        policies.PolicyBook(self.google).forget(stored.about.name)
        return empty_pb2.Empty()

    # versions

    def add(self, asked: sm.AddSecretVersionRequest, _: Call) -> sm.SecretVersion:
        self._spend("write")
        stored = self._find(asked.parent)
        check_payload(asked.payload)
        about = sm.SecretVersion(
            name=f"{stored.about.name}/versions/{len(stored.versions) + 1}",
            create_time=self.google.now(),
            state=State.ENABLED,
            etag=self._secrets.etag(),
            client_specified_payload_checksum="data_crc32c" in asked.payload,
        )
        stored.versions.append(Version(about, asked.payload.data))
        return about

    def get_version(self, asked: sm.GetSecretVersionRequest, _: Call) -> sm.SecretVersion:
        self._spend("read")
        return self._version(asked.name).about

    def list_versions(
        self, asked: sm.ListSecretVersionsRequest, _: Call
    ) -> sm.ListSecretVersionsResponse:
        self._spend("read")
        found = [version.about for version in reversed(self._find(asked.parent).versions)]
        if asked.filter:
            states = {f"state:{state.name}": state for state in State}
            if asked.filter not in states:
                raise invalid("filter", f"'{asked.filter}' is more than the sandbox understands")
            found = [about for about in found if about.state == states[asked.filter]]
        items, token = page(found, asked, LONGEST_PAGE, self.google.settings.page_items)
        return sm.ListSecretVersionsResponse(
            versions=items, next_page_token=token, total_size=len(found)
        )

    def access(
        self, asked: sm.AccessSecretVersionRequest, _: Call
    ) -> sm.AccessSecretVersionResponse:
        self._spend("access")
        version = self._version(asked.name)
        if version.data is None or version.about.state != State.ENABLED:
            state = State(version.about.state).name
            raise precondition(f"Secret Version [{version.about.name}] is in {state} state.")
        payload = sm.SecretPayload(data=version.data, data_crc32c=crc32c(version.data))
        return sm.AccessSecretVersionResponse(name=version.about.name, payload=payload)

    def enable(self, asked: sm.EnableSecretVersionRequest, _: Call) -> sm.SecretVersion:
        return self._changed(asked, State.ENABLED)

    def disable(self, asked: sm.DisableSecretVersionRequest, _: Call) -> sm.SecretVersion:
        return self._changed(asked, State.DISABLED)

    def destroy(self, asked: sm.DestroySecretVersionRequest, _: Call) -> sm.SecretVersion:
        """At once and for ever, or later where the secret has a version_destroy_ttl."""
        about = self._changed(asked, State.DISABLED)
        version, now = self._version(asked.name), self.google.now()
        delay = self._find(asked.name.partition("/versions/")[0]).about.version_destroy_ttl
        if delay:
            version.destroy_at = about.scheduled_destroy_time = now + delay
        else:
            version.destroy(now)
        return about

    def _changed(self, asked: Any, state: Any) -> sm.SecretVersion:
        """The version in another state, with another etag even where nothing changed."""
        self._spend("write")
        version = self._version(asked.name)
        _match(asked.etag, version.about.etag)
        version.refuse_destroyed()
        version.about.state, version.destroy_at = state, None
        version.about.scheduled_destroy_time = None
        version.about.etag = self._secrets.etag()
        return version.about

    # the rest

    @property
    def _secrets(self) -> Secrets:
        return self.google.of(Secrets)

    def _find(self, name: str) -> Stored:
        return self._secrets.find(self.google.canonical(name), self.google.now())

    def _version(self, name: str) -> Version:
        return self._secrets.version(
            self.google.canonical(name),
            self.google.now(),
            latest_delay=self.google.settings.latest_delay,
        )

    def _exists(self, name: str) -> bool:
        return self._secrets.has(name, self.google.now())

    def _project(self, parent: str) -> str:
        name = self.google.canonical(parent)
        if name.count("/") != 1:
            raise invalid("parent", f"'{parent}' is not a project")
        return name

    def _spend(self, kind: str) -> None:
        limit: int = getattr(self.google.settings, f"secret_{kind}_quota")
        self.google.spend(f"{SERVICE}/{kind}_requests", SERVICE, limit)


def _expire(secret: sm.Secret, now: datetime) -> None:
    """A ttl is input only: what is kept is the time."""
    due = expiry(secret, now)
    secret.ttl = None
    secret.expire_time = due


def _match(given: str, current: str) -> None:
    """Raises Refused when an etag was given and is not the current one."""
    if given and given != current:
        raise precondition(
            f"The etag provided in the request ({given}) does not match the current etag ({current})."
        )
