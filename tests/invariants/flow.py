"""What a flow does for capture and apply, as a process that can be killed: `python -m tests.invariants.flow FOLDER`."""

import sys
import time
from pathlib import Path

from landbridge.replicate import Replication
from landbridge.runfolder import RunFolder


def main(folder: Path) -> None:
    run, plan = RunFolder(folder).described()
    with Replication(plan, run, folder) as replication:
        while True:
            replication.check()
            time.sleep(0.05)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
