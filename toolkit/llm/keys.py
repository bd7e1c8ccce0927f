"""A model's key on its way into a header."""

from toolkit.core.errors import CredentialError
from toolkit.core.secrets import Secret


def in_header(key: Secret, provider: str) -> str:
    """The key's text.  Raises CredentialError where a header cannot hold it, as the line break of a file: HTTP libraries
    would quote all of it in their error (https://httpwg.org/specs/rfc9110.html#fields.values)."""
    text = key.reveal()
    if text.isascii() and text.isprintable():
        return text
    raise CredentialError(
        f"the key for {provider} has a line break in it, or another character that no key has",
        hint="add it again with `al creds add`, and push; or correct it where it was set",
    )
