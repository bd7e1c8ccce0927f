"""A Docker daemon of the tests' own: its socket, data and network rules are in a temporary directory, and end with it.

Its base image is made of this machine's Python and a few of its programs: nothing is pulled.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.fakes import eventually
from toolkit.clouds.docker import reachable

BASE = "al-test/base:host"
PROGRAMS = (
    "sh",
    "cat",
    "dd",
    "dirname",
    "env",
    "head",
    "id",
    "ls",
    "mkdir",
    "sleep",
    "sort",
    "stat",
    "touch",
)
PASSWD = "root:x:0:0::/:/bin/sh\nagent:x:1000:1000::/workspace:/bin/sh\n"


def missing() -> str:
    """Why no daemon can be started here; empty when one can."""
    if shutil.which("dockerd") is None:
        return "dockerd is missing: apt-get install docker.io"
    return "" if os.geteuid() == 0 else "dockerd needs root"


@contextmanager
def running_dockerd(place: Path) -> Iterator[str]:
    """The address of a daemon.  Raises AssertionError with its log's end when it does not start."""
    sock, log = place / "d.sock", place / "log"
    command = [
        *("dockerd", "--host", f"unix://{sock}", "--data-root", str(place / "data")),
        *("--exec-root", str(place / "exec"), "--pidfile", str(place / "pid")),
        *("--iptables=false", "--ip-forward=false", "--ip-masq=false", "--bridge=none"),
        *("--host-gateway-ip", "127.0.0.1"),
    ]
    address = f"unix://{sock}"
    with log.open("wb") as file, subprocess.Popen(command, stdout=file, stderr=file) as process:
        try:
            eventually(lambda: process.poll() is not None or _answers(address), seconds=60)
            assert process.poll() is None, log.read_text()[-2000:]
            _import_base(address, place)
            yield address
        finally:
            if process.poll() is None and _answers(address):
                _without_networks(address)
            process.terminate()
            process.wait(60)
            _unmounted(place)


def client_at(address: str) -> Any:
    import docker

    return docker.APIClient(base_url=address, version="auto", timeout=60)


def _answers(address: str) -> bool:
    if not reachable(address):
        return False
    with closing(client_at(address)) as client:
        return bool(client.ping())


def _without_networks(address: str) -> None:
    """A daemon that ends leaves its bridges to the machine, which has room for some thirty."""
    with closing(client_at(address)) as client:
        for one in client.containers(all=True):
            client.remove_container(one["Id"], force=True)
        client.prune_networks()


def _import_base(address: str, place: Path) -> None:
    archive = place / "base.tar"
    with tarfile.open(archive, "w") as tar:
        for source, target in _contents(place):
            tar.add(source, arcname=target, filter=_plain)
    with closing(client_at(address)) as client:
        client.import_image(src=str(archive), repository=BASE.split(":", maxsplit=1)[0], tag="host")
    archive.unlink()


def _contents(place: Path) -> Iterator[tuple[Path, str]]:
    python = Path(sys.executable).resolve()
    stdlib = Path(sysconfig.get_path("stdlib")).resolve()
    programs = [Path(found) for name in PROGRAMS if (found := shutil.which(name))]
    needing = [python, *programs, *stdlib.glob("lib-dynload/*.so")]
    yield python, f"{python}"
    yield stdlib, f"{stdlib}"
    for folder in ("/bin", "/usr/bin"):  # one and the same where programs come from
        yield from ((program.resolve(), f"{folder}/{program.name}") for program in programs)
    yield from ((library.resolve(), f"{library}") for library in _libraries(needing))
    (place / "passwd").write_text(PASSWD)
    yield place / "passwd", "/etc/passwd"
    (place / "python3").symlink_to(python)
    yield place / "python3", "/usr/bin/python3"


def _libraries(programs: list[Path]) -> list[Path]:
    """Every shared library that these need, where they look for it."""
    said = subprocess.run(
        ["ldd", *map(str, programs)], capture_output=True, text=True, check=False
    ).stdout
    return sorted({Path(found) for found in re.findall(r"(/\S+) \(0x", said)})


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Root's, readable by all, and without what no test imports."""
    left_out = ("/test", "/site-packages", "/__pycache__", "/idlelib", "/config-", "/lib2to3")
    if any(part in f"/{info.name}" for part in left_out):
        return None
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode |= 0o555
    return info


def _unmounted(place: Path) -> None:
    """What a daemon that was ended hard left mounted."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((m for m in mounts if m.startswith(f"{place}/")), reverse=True):
        subprocess.run(["umount", "-l", mount], check=False, capture_output=True)
