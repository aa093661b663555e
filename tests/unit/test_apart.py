"""A flow's process apart from its worker: what it says is shown, however long it talks, and its end is passed on."""

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

ENGINE = """
import os, sys, time
for turn in range(12):
    print(f"line {turn} " + "x" * 2000, flush=True)
    time.sleep(0.08)
print("kept", os.fstat(1).st_size, flush=True)
sys.exit(7)
"""


def test_what_it_says_is_shown_and_not_kept(tmp_path: Path) -> None:
    (tmp_path / "prefect").mkdir()
    (tmp_path / "prefect" / "__init__.py").touch()
    (tmp_path / "prefect" / "engine.py").write_text(ENGINE)
    run = "from flows import apart; apart.MUCH = 5000; apart._LOOK_EVERY = 0.03; apart.main()"
    found = subprocess.run(
        [sys.executable, "-c", run], env=os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}"}, capture_output=True,
        text=True, check=False, cwd=tmp_path, timeout=60,
    )  # fmt: skip
    assert found.returncode == 7, found.stderr
    *lines, last = found.stdout.splitlines()
    assert [line.split()[1] for line in lines] == [str(turn) for turn in range(12)]
    word, size = last.split()
    assert word == "kept"
    assert int(size) < 15_000
