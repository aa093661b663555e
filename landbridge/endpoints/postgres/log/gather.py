"""
A server whose messages are awaited one by one sends each in a packet of its own, which costs it more than to decode it.
So where many come, they are let come, unless no room is left for them.
"""

import fcntl
import os
import socket
import struct
import sys
import termios
import time

_SOON, _MANY, _NAP, _NAPS = 0.001, 2 << 10, 0.004, 5  # seconds, bytes, seconds, times
_MEMORY = 55  # SO_MEMINFO, which only Linux knows; two of its numbers, of 4 bytes


def gather(file: int) -> None:
    """To be called when something can be read of the connection."""
    time.sleep(_SOON)
    before, now = 0, arrived(file)
    for _ in range(_NAPS if now > _MANY else 0):
        if now == before and filled(file):
            break
        time.sleep(_NAP)
        before, now = now, arrived(file)


def arrived(file: int) -> int:
    """Bytes that wait to be read."""
    count = bytearray(4)
    fcntl.ioctl(file, termios.FIONREAD, count)
    return int.from_bytes(count, sys.byteorder)


def filled(file: int) -> bool:
    """
    Whether they take half of the memory that the kernel gives them, which small packets do long before their bytes come
    to as much. False where the kernel does not say.
    """
    try:
        with socket.socket(fileno=os.dup(file)) as connection:
            taken, room = struct.unpack("=2I", connection.getsockopt(socket.SOL_SOCKET, _MEMORY, 8))
    except OSError:
        return False
    return bool(taken * 2 > room)
