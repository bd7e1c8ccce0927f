"""What an environment on Google Cloud is put together from."""

from toolkit.core.ports import Context
from toolkit.credentials.stores.gcp_secrets import PLUGIN as SECRETS
from toolkit.scheduler.ledgers.firestore import PLUGIN as FIRESTORE
from toolkit.wiring import Services


def test_the_ledger_is_firestore(gcp_context: Context) -> None:
    """Making it asks for nothing."""
    assert isinstance(Services(gcp_context).ledger, FIRESTORE)


def test_secrets_are_secret_managers(gcp_context: Context) -> None:
    """Credentials and runs' secrets alike."""
    services = Services(gcp_context)
    assert isinstance(services.store, SECRETS)
    assert services.run_secrets is services.store
