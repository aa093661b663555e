"""The command line as a user runs it: processes of their own, everything they say kept."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

SECRETS = {"SOURCE_PASSWORD": "s0urce-Secret-7Qx", "TARGET_PASSWORD": "t4rget-Secret-9Zk"}
"""In the environment of every command; no log, report, parameter or message may hold them."""


@dataclass(frozen=True, kw_only=True)
class Result:
    command: str
    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        try:
            return json.loads(self.out)
        except ValueError:
            raise AssertionError(f"no JSON on standard output\n{self}") from None

    def __str__(self) -> str:
        return f"$ landbridge {self.command}\nexit code {self.code}\n{self.out[-3000:]}\n{self.err[-3000:]}"


class Running:
    """A command under way, in a session of its own, so that it can be killed without its children."""

    def __init__(
        self, words: tuple[str, ...], environment: Mapping[str, str], place: Path, module: str = "flows"
    ) -> None:
        self.command = " ".join(words)
        self._place = place
        with place.with_suffix(".out").open("w") as out, place.with_suffix(".err").open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, *words], env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                cwd=ROOT, start_new_session=True,
            )  # fmt: skip

    def wait(self, timeout: float) -> Result:
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"not done after {timeout} s\n{self.result(-9)}") from None
        return self.result(code)

    def said(self) -> str:
        """On the terminal, so far."""
        return self._place.with_suffix(".err").read_text(errors="replace")

    def result(self, code: int) -> Result:
        out, err = (self._place.with_suffix(end).read_text(errors="replace") for end in (".out", ".err"))
        return Result(command=self.command, code=code, out=out, err=err)


class CommandLine:
    """`home` is where all state of all commands goes, `said` where their outputs are kept."""

    def __init__(self, home: Path, said: Path) -> None:
        self.home, self.said = home, said
        self._number = 0

    def start(self, *words: str, environment: Mapping[str, str] = SECRETS) -> Running:
        self._number += 1
        return Running(words, self._environment(environment), self.said / f"{self._number:03}-{words[0]}")

    def run(self, *words: str, timeout: float = 280, environment: Mapping[str, str] = SECRETS) -> Result:
        return self.start(*words, environment=environment).wait(timeout)

    def ok(self, *words: str, **settings: Any) -> Any:
        """Runs a command that must succeed, with --json; what it answers."""
        result = self.run(*words, "--json", **settings)
        assert result.code == 0, result
        return result.data

    def _environment(self, added: Mapping[str, str]) -> dict[str, str]:
        own = {
            name: value for name, value in os.environ.items() if not name.startswith("PREFECT_") and name not in SECRETS
        }
        return own | {"LANDBRIDGE_HOME": str(self.home)} | dict(added)

    def leaks(self) -> list[str]:
        """Files that hold a secret."""
        words = [secret.encode() for secret in SECRETS.values()]
        files = (path for folder in (self.home, self.said) for path in folder.rglob("*") if path.is_file())
        return [str(path) for path in files if any(word in path.read_bytes() for word in words)]


def processes(marker: str) -> dict[int, str]:
    """Processes whose command line holds the marker."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            command = place.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if marker in command:
            found[int(place.name)] = command
    return found
