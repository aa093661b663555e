"""Guard rails: what the layout promises and no single change would notice breaking."""

import ast
import importlib.metadata
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from landbridge import errors

ROOT = Path(__file__).parents[1]
PACKAGES = ("landbridge", "flows", "tasks", "validation")
ENGINE_WORDS = re.compile("mysql|postgres|maria", re.IGNORECASE)

ONLY_THERE = {
    # account: under whom the server runs is a question for the one that refuses root; its own log format; as a target
    "postgres": {
        *("server/account.py", "queries.py"),
        *(
            "log/pgoutput.py",
            "log/lsn.py",
            "log/slots.py",
            "log/stream.py",
            "log/in_progress.py",
            "log/published.py",
            "log/silent.py",
            "log/packed.py",
            "log/gather.py",
            "log/walsender.py",
            "log/backlog.py",
            "log/grouping.py",
            "log/beats.py",
            "write/packed.py",
        ),
    },
    # install: several packagings of one server program; its own log format, with binary values and their characters;
    # scan: types that leave open what the data decides; definitions, grants, renaming: what its catalog has no query
    # for; accepts and the rest: a server that forgives what it loads is asked and watched
    "mysql": {
        *("server/install.py", "target_checks.py", "read/wire.py", "read/scan.py", "processlist.py"),
        *("log/binlog.py", "log/events.py", "log/transactions.py", "log/open_transactions.py", "log/compression.py"),
        *("log/fields.py", "log/charsets.py", "log/jsonb.py", "log/jsondiff.py", "log/defaults.py", "log/prepared.py"),
        *("log/gtid.py", "log/passed.py", "log/unread.py"),
        *("log/alter_table.py", "log/declared.py"),
        *("log/statements.py", "write/infile.py", "write/insert.py", "write/staging.py", "write/values.py"),
        *("write/writing.py", "objects/definitions.py", "objects/grants.py", "objects/renaming.py"),
        *("objects/adapted.py", "objects/accepts.py", "objects/acting.py", "objects/settled.py"),
    },
}


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def inside(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_only_endpoints_name_an_engine() -> None:
    found = [
        f"{inside(path)}:{number}: {line.strip()}"
        for path in sources(*PACKAGES)
        if not inside(path).startswith("landbridge/endpoints/")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if ENGINE_WORDS.search(line)
    ]
    assert not found, "engine names outside landbridge/endpoints:\n" + "\n".join(found)


@pytest.mark.parametrize(("engine", "other"), [("mysql", "postgres"), ("postgres", "mysql")])
def test_an_engine_folder_names_no_other_engine_module(engine: str, other: str) -> None:
    found = [
        inside(path)
        for path in sources(f"landbridge/endpoints/{engine}")
        if re.search(rf"endpoints(\.| import ){other}\b", path.read_text(encoding="utf-8"))
    ]
    assert not found, f"{engine} imports from {other}: {found}"


def test_engine_folders_hold_the_same_files() -> None:
    """Who knows one engine's folder knows the other's; how a schema is made is each engine's own."""
    names = {engine: set(modules(ROOT / "landbridge/endpoints" / engine)) for engine in ONLY_THERE}
    for engine, other in (("mysql", "postgres"), ("postgres", "mysql")):
        alone = names[engine] - names[other] - ONLY_THERE[engine]
        assert not alone, f"endpoints/{engine} has {sorted(alone)}, endpoints/{other} has not"
        gone = ONLY_THERE[engine] - names[engine]
        assert not gone, f"endpoints/{engine} is said to have {sorted(gone)}"


def modules(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*.py"):
        name = path.relative_to(folder).as_posix()
        if not name.startswith("schema/"):
            yield name


def test_flow_files_shadow_nothing() -> None:
    """Prefect puts flows/ first on sys.path, so flows/validation.py would be imported as `validation`."""
    taken = {*PACKAGES, "tests", *sys.stdlib_module_names, *importlib.metadata.packages_distributions()}
    names = {path.stem for path in (ROOT / "flows").glob("*.py")} - {"__init__", "__main__"}
    names |= {path.name for path in (ROOT / "flows").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert not names & taken, f"rename in flows/: {sorted(names & taken)}"


def family(root: type[errors.MigrationError]) -> list[type[errors.MigrationError]]:
    return [root, *(each for child in root.__subclasses__() for each in family(child))]


@pytest.mark.parametrize("kind", family(errors.MigrationError), ids=lambda kind: kind.__name__)
def test_errors_survive_a_process_border(kind: type[errors.MigrationError]) -> None:
    error = kind("what was found", mend="what to do")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert (copy.found, copy.mend) == ("what was found", "what to do")
    assert "what to do" in str(copy)


def test_every_raised_error_says_how_to_mend_it() -> None:
    names = {kind.__name__ for kind in family(errors.MigrationError)}
    found = [f"{inside(path)}:{call.lineno}" for path in sources(*PACKAGES) for call in raised(path, names)]
    assert not found, "errors without a mend: " + ", ".join(found)


def raised(path: Path, names: set[str]) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            function = node.exc.func
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            mends = [word.value for word in node.exc.keywords if word.arg in ("mend", None)]
            empty = not mends or any(isinstance(mend, ast.Constant) and not mend.value for mend in mends)
            if name in names and empty:
                yield node.exc


def test_functions_and_files_stay_short() -> None:
    long = []
    for path in sources(*PACKAGES, "tests"):
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > 500:
            long.append(f"{inside(path)}: {text.count(chr(10))} lines, 500 at most")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > 60:
                    long.append(f"{inside(path)}:{node.lineno}: {node.name} has {lines} lines, 60 at most")
    assert not long, "\n".join(long)


def repository_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=False,
    )
    if listed.returncode:  # an unpacked archive
        names = [path for folder in (*PACKAGES, "tests", "docs") for path in (ROOT / folder).rglob("*")]
    else:
        names = [ROOT / os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
    return [path for path in names if path.is_file() and path.suffix not in {".pyc", ".png"}]


def private_words() -> re.Pattern[bytes]:
    """Where this was written is nobody's business; in pieces, so that this file does not say it either."""
    places = ["/wo" + "rk/", r"\.\./" + "sha" + "red", "sha" + "red/(data|servers|reference|hooks|design)"]
    names = re.compile("INDEX_URL|REGISTRY|PROXY", re.IGNORECASE)
    hosts = {urlsplit(value).hostname or "" for name, value in os.environ.items() if names.search(name)}
    hosts -= {"", "pypi.org", "localhost", "127.0.0.1"}
    return re.compile("|".join([*places, *(re.escape(host) for host in hosts)]).encode())


def test_no_file_tells_where_it_was_written() -> None:
    words = private_words()
    found = [
        f"{inside(path)}: {match[0].decode(errors='replace')}"
        for path in repository_files()
        if (match := words.search(path.read_bytes()))
    ]
    assert not found, "\n".join(found)
