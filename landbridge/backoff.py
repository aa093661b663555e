"""Waiting before trying again what may clear by itself."""

import gc
import random
import time
from collections.abc import Callable

_FIRST, _LONGEST, _NAP = 0.25, 30.0, 0.1


class Backoff:
    """Each wait is about twice the last, with jitter, so that many processes do not come back in step."""

    def __init__(self, stopping: Callable[[], bool]) -> None:
        self._stopping = stopping
        self._next = _FIRST

    def wait(self) -> None:
        gc.collect()  # a lost connection leaves cycles, some 300 KB, and the collector rarely comes by itself
        end = time.monotonic() + self._next * random.uniform(0.5, 1.0)  # noqa: S311 nothing secret
        self._next = min(self._next * 2, _LONGEST)
        while not self._stopping() and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _NAP))

    def reset(self) -> None:
        self._next = _FIRST
