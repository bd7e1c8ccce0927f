"""Finding the Pulumi CLI, and installing it.

The fake one only tells its version, and Pulumi's installer is played by a script on loopback: neither the real
installer nor the real CLI has been tried.
"""

import sys
import traceback
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from http.client import HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from infra import versions
from infra.pulumi_cli import DOWNLOAD, PulumiCli
from tests.infra.scenes import environment
from toolkit.core.errors import AlError, ConfigError, Unreachable
from toolkit.core.ports import Context

INSTALLER = """#!/bin/sh
# as https://get.pulumi.com/install.sh is called: --no-edit-path --install-root ROOT --version VERSION
[ "$1 $2 $4" = "--no-edit-path --install-root --version" ] || exit 64
mkdir -p "$3/bin"
printf '#!/bin/sh\\necho v%s\\n' "$5" > "$3/bin/pulumi"
chmod +x "$3/bin/pulumi"
"""


def cli(home: Path, **settings: str) -> PulumiCli:
    env = environment(pulumi=settings)
    return PulumiCli(Context(environment=env, home=home / "home", project=home))


def fake(root: Path, answer: str, code: int = 0) -> str:
    """A program called pulumi in `root`/bin that answers every command so."""
    place = root / "bin" / "pulumi"
    place.parent.mkdir(parents=True)
    place.write_text(f"#!/bin/sh\necho '{answer}'\nexit {code}\n")
    place.chmod(0o755)
    return str(root)


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The one directory of the PATH besides the system's: empty, and so without a pulumi."""
    empty = tmp_path / "path"
    empty.mkdir()
    monkeypatch.setenv("PATH", f"{empty}:/usr/bin:/bin")
    return empty


def test_a_missing_cli_is_an_error_that_says_what_to_install(path: Path, tmp_path: Path) -> None:
    """Which version, where to get it, that al can do it, and how to say where it is."""
    with pytest.raises(AlError, match="no Pulumi CLI on the PATH") as error:
        cli(tmp_path).command()
    assert versions.sdk() in error.value.hint
    assert DOWNLOAD in error.value.hint
    assert "--install-pulumi" in error.value.hint
    assert "`root` in [pulumi]" in error.value.hint


def test_a_missing_sdk_is_an_error_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The `infra` extra is not part of the plain installation, and no CLI would help."""
    monkeypatch.setitem(sys.modules, "pulumi", None)
    with pytest.raises(ConfigError) as error:
        cli(tmp_path).missing()
    assert error.value.hint == 'pip install "al-toolkit[infra]"'


def test_a_root_without_a_cli_is_named(tmp_path: Path) -> None:
    """The PATH is not searched when the environment's file says where it is."""
    with pytest.raises(AlError, match="no Pulumi CLI in") as error:
        cli(tmp_path, root=str(tmp_path)).command()
    assert "correct `root`" in error.value.hint


def test_a_cli_in_the_root_is_found(tmp_path: Path) -> None:
    """`root` is the directory that has bin/pulumi."""
    found = cli(tmp_path, root=fake(tmp_path / "own", "v3.200.0"))
    assert found.command().command == str(tmp_path / "own" / "bin" / "pulumi")
    assert found.missing() is None


@pytest.mark.parametrize("old", ["v3.174.9", "v2.9.0", "v4.0.0"])
def test_a_cli_of_another_age_is_refused(tmp_path: Path, old: str) -> None:
    """Older than what can import and update at once, or of another major version."""
    with pytest.raises(AlError, match="not a Pulumi CLI that we can use"):
        cli(tmp_path, root=fake(tmp_path / "own", old)).command()


def test_the_oldest_cli_will_do(tmp_path: Path) -> None:
    """The bound itself is allowed."""
    assert cli(tmp_path, root=fake(tmp_path / "own", f"v{versions.OLDEST}")).missing() is None


def test_a_cli_that_fails_is_an_error_of_ours(tmp_path: Path) -> None:
    """A broken installation is told like a missing one."""
    with pytest.raises(AlError, match="does not tell its version"):
        cli(tmp_path, root=fake(tmp_path / "own", "segmentation fault", code=139)).command()


def test_our_own_installation_comes_before_an_old_one_on_the_path(
    path: Path, tmp_path: Path
) -> None:
    """The user has agreed to it, and it is the SDK's version."""
    (path / "pulumi").symlink_to(Path(fake(tmp_path / "old", "v3.100.0")) / "bin" / "pulumi")
    found = cli(tmp_path)
    assert "3.100.0" in (found.missing() or "")
    fake(found.place, f"v{versions.sdk()}")
    assert found.command().command == str(found.place / "bin" / "pulumi")


def test_a_broken_installation_of_ours_does_not_hide_a_good_one(path: Path, tmp_path: Path) -> None:
    """Half a download, say."""
    (path / "pulumi").symlink_to(Path(fake(tmp_path / "good", "v3.200.0")) / "bin" / "pulumi")
    found = cli(tmp_path)
    fake(found.place, "?", code=1)
    assert found.command().command == "pulumi"


# ----------------------------------------------------------------- installing


class Site(BaseHTTPRequestHandler):
    """get.pulumi.com, as far as it is needed."""

    script = INSTALLER

    def do_GET(self) -> None:
        known = self.path == "/install.sh"
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(self.script.encode() if known else b"")

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Site]]:
    """https://get.pulumi.com is a server on loopback for this process."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = Thread(target=server.serve_forever)
    thread.start()
    plain = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    class Loopback(urllib.request.HTTPSHandler):
        def https_open(self, request: urllib.request.Request) -> HTTPResponse:
            here = f"http://127.0.0.1:{server.server_port}{request.selector}"
            answer: HTTPResponse = plain.open(here)
            return answer

    urllib.request.install_opener(urllib.request.build_opener(Loopback))
    monkeypatch.setattr(Site, "script", INSTALLER)
    yield Site
    urllib.request.install_opener(None)  # type: ignore[arg-type]
    server.shutdown()
    thread.join()
    server.server_close()


def test_it_is_installed_beside_the_users_other_things_of_al(
    site: type[Site], path: Path, tmp_path: Path
) -> None:
    """The SDK's version, in a directory of its own; told while it happens, and found from then on."""
    told: list[str] = []
    tool = cli(tmp_path)
    where = tool.install(told.append)
    assert where == str(tmp_path / "home" / "pulumi" / versions.sdk() / "bin" / "pulumi")
    assert told == [f"installing Pulumi {versions.sdk()} into {tool.place}"]
    assert cli(tmp_path).missing() is None


def test_what_the_installer_says_when_it_fails_is_told(
    site: type[Site], path: Path, tmp_path: Path
) -> None:
    """With the way to do it by hand."""
    site.script = "#!/bin/sh\necho no such version\nexit 3\n"
    with pytest.raises(AlError, match="no such version") as error:
        cli(tmp_path).install(lambda _: None)
    assert DOWNLOAD in error.value.hint


def test_an_installer_that_cannot_be_had_is_unreachable(
    site: type[Site], path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No network, or a proxy in between: trying again may help."""
    urllib.request.install_opener(urllib.request.build_opener(Refusing))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the SDK leaves its download open
        with pytest.raises(Unreachable, match="could not be downloaded") as error:
            cli(tmp_path).install(lambda _: None)
        traceback.clear_frames(error.value.__cause__.__traceback__)  # type: ignore[union-attr]
    assert DOWNLOAD in error.value.hint


class Refusing(urllib.request.HTTPSHandler):
    """A network that lets nothing out."""

    def https_open(self, request: urllib.request.Request) -> HTTPResponse:
        raise urllib.error.URLError("network is unreachable")
