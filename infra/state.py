"""Where Pulumi's state is, and what it is encrypted with: the settings of `[pulumi]`, and what they come to here."""

import os

from toolkit.core.ports import Context, Store
from toolkit.core.secrets import Secret

from . import backend, secrets_provider
from .provider import Provider
from .secrets_provider import Protection


class State:
    """The state of one environment."""

    def __init__(self, context: Context, credentials: Store | None, provider: Provider) -> None:
        """`credentials` are the user's on this machine, for the passphrase."""
        self._context = context
        self._credentials = credentials
        self._provider = provider
        self._settings = context.environment.pulumi

    @property
    def own(self) -> bool:
        """Whether it is in the bucket that we make, since the user has named no place."""
        return not self._settings.get("backend")

    def made(self) -> str:
        """Its URL: the setting, else of a bucket that is made now.  Never a directory unasked."""
        return self.known() or str(self._provider.bucket(make=True))

    def known(self) -> str | None:
        """The URL of one that may be there already; None when there is none."""
        chosen = self._settings.get("backend")
        if chosen:
            url = backend.url(chosen, self._context.project)
            backend.check_login(url, os.environ)
            return url
        return self._provider.bucket(make=False)

    def protection(self) -> Protection:
        """Raises ConfigError, or CredentialError when a passphrase is required and there is none."""
        return secrets_provider.protection(
            self._settings.get("secretsProvider"), environment=os.environ, stored=self._stored
        )

    def _stored(self) -> Secret | None:
        """The environment's own passphrase, else the one for all."""
        if self._credentials is None:
            return None
        own, common = (
            f"{secrets_provider.CREDENTIAL}/{instance}/passphrase"
            for instance in (self._context.environment.name, "default")
        )
        return self._credentials.get(own) or self._credentials.get(common)
