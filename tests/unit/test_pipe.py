"""From a reader to a loader: every block once and in order, and whoever fails first stops the other."""

import threading
import time
from collections.abc import Callable, Iterable
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge import pipe
from landbridge.endpoints.abc import Read, Sink
from landbridge.errors import RowRejected, Terminal, Transient
from landbridge.model import Copied, Position

END = Position("7")


def reader(blocks: Iterable[bytes], rows: int = 0) -> Callable[[Sink], Read]:
    def read(sink: Sink) -> Read:
        for block in blocks:
            sink(block)
        return Read(rows=rows, position=END)

    return read


@given(st.lists(st.binary(min_size=1), max_size=60))
def test_blocks_arrive_once_and_in_order(blocks: list[bytes]) -> None:
    arrived: list[bytes] = []

    def load(given: Iterable[bytes]) -> int:
        arrived.extend(given)
        return 3

    assert pipe.copy(reader(blocks, 3), load) == Copied(rows=3, bytes=sum(map(len, blocks)), position=END)
    assert arrived == blocks


def test_memory_is_bounded_by_a_slow_loader() -> None:
    read = 0

    def endless() -> Iterable[bytes]:
        nonlocal read
        for _ in range(200):
            read += 1
            yield b"x"

    def load(given: Iterable[bytes]) -> int:
        blocks = iter(given)
        next(blocks)
        time.sleep(0.2)
        assert read <= pipe.BLOCKS + 2
        return 1 + sum(1 for _ in blocks)

    assert pipe.copy(reader(endless(), 200), load).rows == 200


def test_rows_that_were_not_loaded_are_an_error() -> None:
    with pytest.raises(Terminal, match="3 rows were read but 2 loaded"):
        pipe.copy(reader([b"x"], 3), lambda blocks: len(list(blocks)) + 1)


def test_a_loader_that_stops_early_is_an_error() -> None:
    with pytest.raises(Terminal, match="before its input"):
        pipe.copy(reader([b"x"] * 50, 1), lambda blocks: len(list(islice(blocks, 1))))


def test_the_readers_error_is_the_copys() -> None:
    def read(sink: Sink) -> Read:
        sink(b"x")
        raise Transient("the source went away", mend="")

    def load(blocks: Iterable[bytes]) -> int:
        try:
            return len(list(blocks))
        except Transient:
            raise ValueError("what a driver makes of it") from None

    with pytest.raises(Transient, match="the source went away"):
        pipe.copy(read, load)


def test_the_loaders_error_stops_the_reader() -> None:
    stopped = threading.Event()

    def read(sink: Sink) -> Read:
        try:
            while True:
                sink(b"x")
        finally:
            stopped.set()

    def load(blocks: Iterable[bytes]) -> int:
        next(iter(blocks))
        raise RowRejected("no such row", mend="")

    with pytest.raises(RowRejected):
        pipe.copy(read, load)
    assert stopped.is_set()


def test_a_stream_left_early_is_read_to_its_end() -> None:
    ended = threading.Event()

    def read(sink: Sink) -> None:
        for number in range(100):
            sink(b"%d" % number)
        ended.set()

    blocks = pipe.stream(read)
    assert next(blocks) == b"0"
    blocks.close()
    assert ended.is_set()


def test_a_streams_error_is_raised_where_it_is_read() -> None:
    def read(sink: Sink) -> None:
        sink(b"x")
        raise Transient("gone", mend="")

    with pytest.raises(Transient):
        list(pipe.stream(read))
