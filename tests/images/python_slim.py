"""A stand-in of the image that our base begins with, for a machine that reaches Debian and PyPI, and no registry.

The same Debian by debootstrap, without what its slim images leave out; Debian's own Python as an environment in /usr/local, where
the real image has one that was built for it.  So names, places and programs are as there, and sizes nearly; and no module of
Python's is compiled, as there (https://github.com/docker-library/python/issues/615).
"""

import shutil
import ssl
import subprocess
import sys
from pathlib import Path

RELEASE, VERSION = "trixie", "3.13"
NAME = f"python:{VERSION}-slim"
PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
# https://github.com/debuerreotype/debuerreotype/blob/master/scripts/.slimify-excludes
_LEFT_OUT = tuple(
    f"/usr/share/{name}"
    for name in ("doc", "doc-base", "groff", "info", "linda", "lintian", "locale", "man")
)
_TRUSTED = "etc/ssl/this-machine.crt"
_ASKED = ("global.index-url", "global.trusted-host")  # of pip's settings


def missing() -> str:
    """Why it cannot be made here; empty when it can."""
    lacking = shutil.which("debootstrap") is None
    return "debootstrap is missing: apt-get install debootstrap" if lacking else ""


def packed(archive: Path, place: Path) -> None:
    """Its file system as a tar, which takes a minute and Debian's mirror; `place` is scratch, and empty again afterwards."""
    root = place / "root"
    wanted = "--include=ca-certificates,netbase,python3-venv,tzdata"
    _do("debootstrap", "--variant=minbase", wanted, RELEASE, str(root))
    _do("chroot", str(root), "python3", "-m", "venv", "/usr/local")
    said = _do("chroot", str(root), "/usr/local/bin/python3", "-V")
    assert said.startswith(f"Python {VERSION}."), f"{RELEASE} has {said}"
    _slim(root)
    _reaches_out(root)
    unfinished = archive.with_suffix(".part")
    _do("tar", "-C", str(root), "--numeric-owner", "-cf", str(unfinished), ".")
    shutil.rmtree(root)
    unfinished.rename(archive)


def _slim(root: Path) -> None:
    """Now, and of whatever is installed later."""
    settings = root / "etc/dpkg/dpkg.cfg.d/slim"
    settings.write_text("".join(f"path-exclude {one}/*\n" for one in _LEFT_OUT))
    emptied = (*_LEFT_OUT, "/var/lib/apt/lists", "/var/cache/apt", "/var/log")
    for path in (entry for one in emptied for entry in (root / one[1:]).glob("*")):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for place in ("usr/lib", "usr/local/lib"):
        for compiled in (root / place).rglob("*.pyc"):
            compiled.unlink()


def _reaches_out(root: Path) -> None:
    """pip trusts whom it trusts on this machine, and asks the same index."""
    lines = ["[global]"]
    if trusted := ssl.get_default_verify_paths().cafile:
        shutil.copyfile(trusted, root / _TRUSTED)
        lines.append(f"cert = /{_TRUSTED}")
    for setting in _do(sys.executable, "-m", "pip", "config", "list").splitlines():
        name, _, value = setting.partition("=")
        if name in _ASKED:
            lines.append(name.partition(".")[2] + " = " + value.strip("'"))
    (root / "etc/pip.conf").write_text("\n".join(lines) + "\n")


def _do(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[0]} failed:\n{(done.stdout + done.stderr)[-2000:]}"
    return done.stdout
