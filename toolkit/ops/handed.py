"""Credentials that are handed to a container as files of one directory, `TYPE.INSTANCE.FIELD` each, as Compose mounts them.

They are put into this process's own store, which in such a container is in memory.
"""

from pathlib import Path

from toolkit.core.errors import CredentialError
from toolkit.core.ports import Store
from toolkit.core.secrets import Secret

PLACE = Path("/run/secrets")  # https://docs.docker.com/compose/how-tos/use-secrets/


def take(directory: Path, store: Store) -> int:
    """Put every one of them into the store; how many.  Raises CredentialError for a file that is none, or unreadable."""
    files = sorted(directory.iterdir()) if directory.is_dir() else []
    for file in files:
        store.put(_name(file), Secret(_text(file)), tags={})
    return len(files)


def handed_name(name: str) -> str:
    """The file's name of `type/instance/field`: an instance may have dots, the two others have none."""
    return name.replace("/", ".")


def _name(file: Path) -> str:
    kind, _, rest = file.name.partition(".")
    instance, _, field = rest.rpartition(".")
    if not (kind and instance and field):
        raise CredentialError(
            f"{file} is no credential", hint="name such files TYPE.INSTANCE.FIELD"
        )
    return f"{kind}/{instance}/{field}"


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise CredentialError(
            f"{file} cannot be read by this user",
            hint="run the container as the owner of the files: set AL_UID and AL_GID",
        ) from None  # the cause may hold bytes of the file
