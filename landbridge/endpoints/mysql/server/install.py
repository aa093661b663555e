"""An installed server program: its release, the folders that belong to it, and how it makes a new data folder."""

import functools
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from landbridge.endpoints import processes
from landbridge.errors import Terminal

# In this order, each under the name before 11 or the one since; a release has the ones that it needs.
_BOOTSTRAP = (
    "mysql_system_tables.sql",
    "mariadb_system_tables.sql",
    "mysql_performance_tables.sql",
    "mariadb_performance_tables.sql",
    "mysql_system_tables_data.sql",
    "mariadb_system_tables_data.sql",
    "fill_help_tables.sql",
    "maria_add_gis_sp_bootstrap.sql",
    "mysql_sys_schema.sql",
    "mariadb_sys_schema.sql",
)
_LOGIN = "CREATE USER IF NOT EXISTS root@'127.0.0.1'; GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n"


@dataclass(frozen=True, kw_only=True)
class Release:
    flavour: str
    version: str


@dataclass(frozen=True, kw_only=True)
class Install:
    program: Path
    release: Release
    base: Path

    @property
    def share(self) -> Path:
        names = ("mariadb", "mysql", ".")
        found = (self.base / "share" / name for name in names)
        return next((folder for folder in found if (folder / "charsets" / "Index.xml").is_file()), self.base / "share")

    def arguments(self, data: Path) -> list[str]:
        """What every start needs; a setting whose folder is not where packages have it is left to the program."""
        folders = {
            "basedir": [self.base],
            "lc-messages-dir": [self.share],
            "character-sets-dir": [self.share / "charsets"],
            "plugin-dir": [
                *(self.base / "lib" / name for name in ("mysql/plugin", "plugin", "mariadb/plugin")),
                *self.base.glob("lib/*/maria*/plugin"),
            ],
        }
        options = [
            f"--{name}={found}"
            for name, places in folders.items()
            if (found := next((place for place in places if place.is_dir()), None))
        ]
        if os.geteuid() == 0:
            options.append("--user=root")
        if self.release.flavour == "mysql":
            options.append("--secure-file-priv=")  # else a folder of the system's that need not exist
        return ["--no-defaults", f"--datadir={data}", *options]


@functools.cache
def release(program: Path) -> Release:
    try:
        said = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=False).stdout
    except OSError as error:
        said = str(error)
    found = re.search(r"Ver (\d+\.\d+\.\d+)(-MariaDB)?", said)
    if not found:
        raise Terminal(
            f"{program} --version says {said.strip()!r}, not a version of MySQL or MariaDB",
            mend="name the server program itself (mysqld, mariadbd), not a script around it",
        )
    return Release(flavour="mariadb" if found[2] else "mysql", version=found[1])


def locate(program: Path) -> Install:
    """The installation around a program: PREFIX/sbin/PROGRAM, whatever links lead there."""
    real = program.resolve()
    base = real.parents[1]
    if real.is_relative_to("/usr/libexec"):
        base = Path("/usr")
    return Install(program=program, release=release(program), base=base)


def make_data(install: Install, data: Path, folder: Path) -> None:
    """A new data folder whose `root` logs in from this machine without a password, by name or by address."""
    script = folder / "init.sql"
    what = f"making a new data folder ({install.program})"
    quick = "--innodb-flush-method=nosync"
    if install.release.flavour == "mariadb":
        data.joinpath("mysql").mkdir(parents=True)
        script.write_text("".join(_bootstrap(install.share)))
        options = [*install.arguments(data), "--bootstrap", "--skip-grant-tables", quick]
        processes.run([install.program, *options], what=what, stdin=script)
    else:
        script.write_text(_LOGIN.replace("; ", ";\n"))
        options = [*install.arguments(data), "--initialize-insecure", quick, f"--init-file={script}"]
        processes.run([install.program, *options, "--innodb-redo-log-capacity=64M"], what=what)
    script.unlink()


def _bootstrap(share: Path) -> Iterator[str]:
    """One statement a line, as --bootstrap reads them. Unset, @auth_root_socket would make root need its own socket."""
    yield "CREATE DATABASE IF NOT EXISTS mysql;\nUSE mysql;\nSET @auth_root_socket = NULL;\n"
    for name in _BOOTSTRAP:
        if (share / name).is_file():
            yield (share / name).read_text(encoding="utf-8")
