"""
From a reader to a loader: the reader pushes blocks from a thread of its own, the loader takes them in ours, and some
blocks wait in between, so that memory is bounded and both servers work at once.
"""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from landbridge.endpoints.abc import Read, Sink
from landbridge.errors import Terminal
from landbridge.model import Copied

BLOCKS = 16
"""Blocks waiting at most; one is some 256 KiB, more where a single row is longer."""

_PATIENCE = 10.0
"""Seconds for which a failed copy waits for its reader, who may wait for the source, to end."""

_LOOK = 0.2
"""Seconds after which a waiting reader looks whether it was stopped."""


def copy(read: Callable[[Sink], Read], load: Callable[[Iterable[bytes]], int]) -> Copied:
    """Returns once every row read is loaded. Whichever side fails first stops the other, and its error is raised."""
    pipe = Pipe(read)
    try:
        loaded = load(pipe)
        found = pipe.finish()
    except BaseException:
        pipe.stop()
        if pipe.error is not None:
            raise pipe.error from None
        raise
    if loaded != found.rows:
        raise Terminal(
            f"{found.rows} rows were read but {loaded} loaded", mend="look for a rule or trigger on the target table"
        )
    return Copied(rows=loaded, bytes=pipe.bytes, position=found.position)


def stream(read: Callable[[Sink], object]) -> Iterator[bytes]:
    """The blocks that a reader pushes. Left early, the rest is read and dropped, so that its session can go on."""
    pipe = Pipe(read)
    try:
        yield from pipe
    finally:
        pipe.drain()


class _Stopped(BaseException):
    """Tells the reader that nobody takes its blocks any more."""


class Pipe:
    """Iterating yields the blocks that the reader pushes, then raises the reader's error if it had one."""

    def __init__(self, read: Callable[[Sink], Any]) -> None:
        self.bytes = 0
        self.error: BaseException | None = None
        self._read = read
        self._found: Any = None
        self._blocks: queue.Queue[bytes | None] = queue.Queue(BLOCKS)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reader", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[bytes]:
        while (block := self._blocks.get()) is not None:
            self.bytes += len(block)
            yield block
        self._blocks.put(None)  # the end is the end, however often one asks
        if self.error is not None:
            raise self.error

    def finish(self) -> Read:
        """What the reader returned. A loader that ends before its input does has left rows behind."""
        if next(iter(self), None) is not None or self._found is None:
            raise Terminal("the loader ended before its input did", mend="look at the target's log for the reason")
        found: Read = self._found
        return found

    def drain(self) -> None:
        while self._blocks.get() is not None:
            pass
        self._blocks.put(None)
        self._thread.join()

    def stop(self) -> None:
        """The reader ends at its next block, if it has not ended; what happens to it now is no error of the copy's."""
        self._stopped.set()
        self._thread.join(_PATIENCE)

    def _run(self) -> None:
        try:
            self._found = self._read(self._push)
        except BaseException as error:  # noqa: BLE001 - raised again in the loader's thread
            if not self._stopped.is_set():
                self.error = error
        finally:
            self._push_end()

    def _push(self, block: bytes | None) -> None:
        while not self._stopped.is_set():
            try:
                return self._blocks.put(block, timeout=_LOOK)
            except queue.Full:
                continue
        raise _Stopped

    def _push_end(self) -> None:
        with suppress(_Stopped):
            self._push(None)
