"""Under which user the private server runs: it refuses root, and a container often has no other user."""

import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from landbridge.errors import Terminal

NOBODY = 65534
_NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
_SHARED_PLACE = Path("/var/tmp")  # noqa: S108  (any user can reach it and it survives a reboot)


@dataclass(frozen=True, kw_only=True)
class Account:
    prefix: tuple[str, ...] = ()
    uid: int | None = None

    @property
    def owner(self) -> int:
        """Whose files the server takes for its own, seen from outside its namespace."""
        return os.geteuid() if self.uid is None else self.uid


def choose() -> Account:
    """
    An ordinary user: as it is. Root: in a user namespace, where the server sees uid 1000 and the files stay root's.
    Root where namespaces are forbidden, as in most containers: as nobody. LANDBRIDGE_POSTGRES_AS=nobody asks for that.
    """
    if os.geteuid() != 0:
        return Account()
    if os.environ.get("LANDBRIDGE_POSTGRES_AS") != "nobody" and _namespaces_work():
        return Account(prefix=_NAMESPACE)
    return Account(uid=NOBODY)


@functools.cache
def _namespaces_work() -> bool:
    try:
        return subprocess.run([*_NAMESPACE, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def reachable(path: Path) -> bool:
    """Whether a user who owns nothing can get at `path`: every folder above must let others pass."""
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)


def programs(bindir: Path, account: Account) -> Path:
    """`bindir`, or a copy of its installation where the account can reach it (a venv in /root cannot be)."""
    if account.uid is None or reachable(bindir / "postgres"):
        return bindir
    install, inside = _installation(bindir)
    stamp = f"{bindir.resolve()}:{(bindir / 'postgres').stat().st_mtime_ns}"
    place = _SHARED_PLACE / f"landbridge-programs-{hashlib.sha256(stamp.encode()).hexdigest()[:12]}"
    if not place.exists():
        _copy(install, place)
    if place.stat().st_uid != os.geteuid():
        raise Terminal(
            f"{place} belongs to user {place.stat().st_uid}, so the programs in it are not trusted",
            mend=f"remove it: rm -r {place}",
        )
    return place / inside


def _installation(bindir: Path) -> tuple[list[Path], Path]:
    """The folders to copy side by side, and where the programs then are. A wheel keeps libraries in NAME.libs."""
    for folder in bindir.parents[:-1]:
        libraries = folder.with_name(folder.name + ".libs")
        if libraries.is_dir():
            return [folder, libraries], Path(folder.name) / bindir.relative_to(folder)
    return [bindir.parent], Path(bindir.parent.name) / bindir.name


def _copy(folders: list[Path], place: Path) -> None:
    part = Path(tempfile.mkdtemp(prefix=place.name + ".", dir=place.parent))
    for folder in folders:
        shutil.copytree(folder, part / folder.name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    part.chmod(0o755)
    try:
        part.rename(place)
    except OSError:  # another process was first
        shutil.rmtree(part)


def data_home(folder: Path, account: Account) -> Path:
    """A folder in which the account can make its data folder: `folder` itself, or one outside that it can reach."""
    if account.uid is None:
        return folder
    if reachable(folder / "data"):
        home = folder
    else:
        home = Path(tempfile.mkdtemp(prefix="landbridge-data-", dir=_SHARED_PLACE))
        home.chmod(0o711)
    os.chown(home, account.uid, account.uid)
    return home


def adopt(data: Path, account: Account) -> None:
    """Hands data that was made under another account over to this one (only root can, and only root changes)."""
    if os.geteuid() != 0 or data.stat().st_uid == account.owner:
        return
    for path in [data, *data.rglob("*")]:
        os.chown(path, account.owner, account.owner, follow_symlinks=False)
