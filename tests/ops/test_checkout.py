"""What git says about a project's repository."""

from pathlib import Path

import pytest

from infra.desired.oidc import Repository
from tests.ops.checkouts import git, project, repository
from toolkit.core.errors import UsageError
from toolkit.ops.ci import checkout

OCTO = Repository(owner="octo", name="shop")
ADDRESSES = {
    "https://github.com/octo/shop.git": OCTO,
    "https://github.com/octo/shop": OCTO,
    "https://github.com/octo/shop/": OCTO,
    "https://someone:s3cret@github.com/octo/shop.git": OCTO,
    "git@github.com:octo/shop.git": OCTO,
    "git@github.com:octo/shop": OCTO,
    "ssh://git@github.com/octo/shop.git": OCTO,
    "ssh://git@ssh.github.com:443/octo/shop.git": OCTO,
    "https://GitHub.com/Octo/Shop.js": Repository(owner="Octo", name="Shop.js"),
    "git@git.example.com:octo/shop.git": Repository(
        owner="octo", name="shop", host="git.example.com"
    ),
    "https://octo.ghe.com/octo/shop": Repository(owner="octo", name="shop", host="octo.ghe.com"),
}


@pytest.mark.parametrize(("address", "expected"), ADDRESSES.items(), ids=list(ADDRESSES))
def test_the_repository_is_found_from_the_remote(
    tmp_path: Path, address: str, expected: Repository
) -> None:
    """Over HTTPS and SSH, in git's short form too, on GitHub and on a server of one's own; letters keep their case."""
    repository(project(tmp_path / "shop"), address)
    assert checkout.origin(tmp_path / "shop") == expected


@pytest.mark.parametrize(
    "address",
    [
        "/srv/git/shop.git",
        "https://gitlab.com/octo/shop.git",
        "https://github.com/octo/group/shop.git",
        "git@work:octo/shop.git",
        "https://github.com/octo/sh op",
        "https://me:s3cret@github.com/octo",
    ],
)
def test_what_is_no_repository_on_github_is_refused(tmp_path: Path, address: str) -> None:
    """With the option that says it, and without repeating an address, which may hold a password."""
    repository(project(tmp_path / "shop"), address)
    with pytest.raises(UsageError) as refused:
        checkout.origin(tmp_path / "shop")
    assert "--repo" in refused.value.hint
    assert "s3cret" not in refused.value.message + refused.value.hint


@pytest.mark.parametrize(
    "name",
    ["shop", "octo/", "/shop", "octo/..", "octo/sh op", "a/b/c/d", "work/octo/shop", "octo/shop\n", "o*/shop"],
)  # fmt: skip
def test_a_name_that_cannot_be_is_refused(name: str) -> None:
    """A wildcard least of all: it would end up in a trust policy."""
    with pytest.raises(UsageError, match="not a repository's name"):
        checkout.named(name)


def test_a_project_without_git_says_how_to_name_the_repository(tmp_path: Path) -> None:
    """No remote, no guess."""
    shop = project(tmp_path / "shop")
    with pytest.raises(UsageError) as refused:
        checkout.origin(shop)
    assert "--repo OWNER/NAME" in refused.value.hint
    assert checkout.find(shop) is None


def test_a_project_may_be_anywhere_in_its_repository(tmp_path: Path) -> None:
    """The workflow belongs into the root, and works in the project's directory."""
    shop = project(tmp_path / "services" / "shop")
    repository(tmp_path)
    found = checkout.find(shop)
    assert found == checkout.Checkout(root=tmp_path.resolve(), directory="services/shop")


def test_only_what_git_knows_and_what_is_there_is_tracked(tmp_path: Path) -> None:
    """Also what is added and not yet committed; not what is ignored, new or deleted."""
    shop = project(tmp_path)
    (shop / ".gitignore").write_text(".env.toml\n")
    (shop / ".env.toml").write_text("")
    repository(shop)
    (shop / "new.txt").write_text("")
    (shop / "agents/hello/test-script.sh").unlink()
    assert {str(file) for file in checkout.tracked(shop)} == {
        ".gitignore",
        "agents/hello/SKILL.md",
        "agents/hello/config.toml",
        "config.toml",
        "environments/production.toml",
    }
    git(shop, "add", "new.txt")
    assert Path("new.txt") in checkout.tracked(shop)
