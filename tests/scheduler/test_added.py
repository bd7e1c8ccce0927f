"""How the credentials that a run lacks are added, in commands that can be pasted."""

from toolkit.scheduler.dispatch import added


def test_each_credential_is_named_once() -> None:
    """However many of its fields are missing, and with its instance."""
    missing = ["github_token/default/token", "git_ssh/acme/id_rsa", "git_ssh/acme/username"]
    assert added(missing) == "`al creds add github_token`, `al creds add git_ssh:acme`"
