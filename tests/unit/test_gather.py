"""What has come is let gather while there is room for more."""

import socket
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from landbridge.endpoints.postgres.log import gather

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Who sends each message in a packet of its own, and who receives, with little room."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        sender = socket.create_connection(listening.getsockname())
        receiver, _ = listening.accept()
    sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sender.setblocking(False)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 50_000)
    with sender, receiver:
        yield sender, receiver


def send(sender: socket.socket, times: int) -> bool:
    """Whether all of it could be sent."""
    try:
        for _ in range(times):
            sender.send(b"x" * 100)
    except BlockingIOError:
        return False
    return True


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    taken: list[float] = []
    monkeypatch.setattr(gather, "time", SimpleNamespace(sleep=taken.append))
    return taken


def test_few_are_read_at_once_and_many_are_let_come(pair: Pair, naps: list[float]) -> None:
    sender, receiver = pair
    assert send(sender, 10)
    gather.gather(receiver.fileno())
    assert naps == [gather._SOON]
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 200_000)
    sender.setblocking(True)
    sender.sendall(b"x" * 40_000)
    assert not gather.filled(receiver.fileno())
    assert gather.arrived(receiver.fileno()) == 41_000
    gather.gather(receiver.fileno())
    assert naps[1:] == [gather._SOON] + [gather._NAP] * gather._NAPS


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how much memory a connection takes")
def test_nobody_waits_for_a_sender_that_waits(pair: Pair, naps: list[float]) -> None:
    sender, receiver = pair
    assert not gather.filled(receiver.fileno())
    before = -1
    while send(sender, 1000) or before < (before := gather.arrived(receiver.fileno())):
        time.sleep(0.05)
    assert gather.filled(receiver.fileno())
    gather.gather(receiver.fileno())
    assert naps == [gather._SOON, gather._NAP]
