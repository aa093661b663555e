"""Packed events come out as they went in, however they arrive; what is damaged does not come out at all."""

import zlib
from collections.abc import Iterator
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from landbridge.endpoints.mysql.log import binlog, compression
from landbridge.endpoints.mysql.log.binlog import Dump
from landbridge.endpoints.mysql.log.compression import HEADER, Damaged
from landbridge.errors import Transient, Unsupported

EVENTS = [
    (2, 1700000001, 8, b"BEGIN"),
    (19, 1700000001, 0, b""),
    (30, 1700000002, 0, bytes(300)),
    (16, 5, 0, b"12345678"),
]


def _stream(events: list[Any]) -> bytes:
    return b"".join(
        HEADER.pack(stamp, kind, 1, HEADER.size + len(body), 0, flags) + body for kind, stamp, flags, body in events
    )


def _field(kind: int, value: int) -> bytes:
    packed = bytes([value]) if value < 251 else b"\xfd" + value.to_bytes(3, "little")
    return bytes([kind, len(packed)]) + packed


def _payload(events: list[Any], *, method: int = 0, packed: bytes | None = None, size: int | None = None) -> bytes:
    raw = _stream(events)
    if packed is None:
        packed = zstandard.ZstdCompressor().compress(raw) if method == 0 else raw
    head = _field(2, method) + _field(1, len(packed)) + _field(3, len(raw) if size is None else size)
    return head + b"\0" + packed


def _pieces(data: bytes, size: int) -> Iterator[bytes]:
    """The head is always in the first one."""
    yield data[:40]
    for at in range(40, len(data), size):
        yield data[at : at + size]


def _read(data: bytes, size: int = 1 << 20) -> list[Any]:
    return list(compression.events(_pieces(data, size)))


@given(
    st.lists(
        st.tuples(st.integers(0, 255), st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1), st.binary(max_size=200)),
        max_size=20,
    ),
    st.integers(1, 50),
    st.sampled_from([0, 255]),
)
def test_events_come_out_whatever_the_pieces(events: list[Any], size: int, method: int) -> None:
    assert _read(_payload(events, method=method), size) == events


def test_several_frames() -> None:
    raw = _stream(EVENTS)
    frames = b"".join(zstandard.ZstdCompressor().compress(part) for part in (raw[:50], raw[50:]))
    assert _read(_payload(EVENTS, packed=frames), 3) == EVENTS


@pytest.mark.parametrize("method", [0, 255])
def test_cut_off_or_longer(method: int) -> None:
    whole = _payload(EVENTS, method=method)
    for damaged in (whole[:-1], whole[:-9], whole[:45], whole + b"\0", whole + whole[-20:]):
        with pytest.raises(Damaged):
            _read(damaged)


def test_sizes_that_are_not_so() -> None:
    with pytest.raises(Damaged, match="sizes"):
        _read(_payload(EVENTS, size=len(_stream(EVENTS)) + 1))
    with pytest.raises(Damaged):
        _read(_payload(EVENTS, packed=zstandard.ZstdCompressor().compress(_stream(EVENTS)[:-8])))


def test_damaged_inside() -> None:
    whole = bytearray(_payload(EVENTS, packed=zstandard.ZstdCompressor(write_checksum=True).compress(_stream(EVENTS))))
    for place in range(30, len(whole), 7):
        damaged = bytes([*whole[:place], whole[place] ^ 0x55, *whole[place + 1 :]])
        with pytest.raises(Damaged):
            _read(damaged)


def test_an_unknown_compression() -> None:
    with pytest.raises(Unsupported, match=r"unknown compression \(7\)"):
        _read(_payload(EVENTS, method=7))


# --- over the wire ----------------------------------------------------------------------------------------------------


class _Wire:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def recv(self, size: int) -> bytes:
        part, self._data = self._data[:size], self._data[size:]
        return part


def _sent(body: bytes, *, checksum: bool, packet: int, size: int = 0) -> bytes:
    event = HEADER.pack(9, 40, 1, size or HEADER.size + len(body) + 4 * checksum, 777, 0) + body
    event = b"\0" + event + (zlib.crc32(event).to_bytes(4, "little") if checksum else b"")
    parts = [event[at : at + packet] for at in range(0, len(event), packet)]
    if len(parts[-1]) == packet:
        parts.append(b"")
    return b"".join(len(part).to_bytes(3, "little") + b"\0" + part for part in parts)


@pytest.mark.parametrize("checksum", [True, False])
@pytest.mark.parametrize("over", range(-30, 30, 7))
def test_an_event_of_several_packets(monkeypatch: pytest.MonkeyPatch, checksum: bool, over: int) -> None:
    """Its end, checksum included, may fall anywhere into the last packet."""
    body = _payload(EVENTS)
    packet = (1 + HEADER.size + len(body) + 4 * checksum + over) // 2
    monkeypatch.setattr(binlog, "_WHOLE", packet)
    found: list[Any] = []
    dump = Dump(_Wire(_sent(body, checksum=checksum, packet=packet)), "", checksummed=checksum)
    with pytest.raises(Transient, match="closed"):
        found.extend(dump)
    assert found == [(kind, stamp, 777 if kind == 16 else 0, flags, body) for kind, stamp, flags, body in EVENTS]


def test_the_last_event_waits_for_the_checksum(monkeypatch: pytest.MonkeyPatch) -> None:
    body = _payload(EVENTS)
    for damage in (-1, -5, -40):
        sent = bytearray(_sent(body, checksum=True, packet=60))
        sent[damage] ^= 1
        monkeypatch.setattr(binlog, "_WHOLE", 60)
        found: list[Any] = []
        with pytest.raises(Transient, match="damaged"):
            found.extend(Dump(_Wire(bytes(sent)), "", checksummed=True))
        assert 16 not in {event[0] for event in found}
    monkeypatch.setattr(binlog, "_WHOLE", 0xFFFFFF)
    with pytest.raises(Transient, match="arrived with"):
        next(iter(Dump(_Wire(_sent(body, checksum=True, packet=0xFFFFFF, size=999)), "", checksummed=True)))


# --- one event of MariaDB ---------------------------------------------------------------------------------------------


def _packed_row(rows: bytes, *, head: str = "560000000000010002 03", size: int | None = None, method: int = 0) -> bytes:
    length = len(rows) if size is None else size
    return bytes.fromhex(head) + bytes([0x82 | method << 4]) + length.to_bytes(2, "big") + zlib.compress(rows)


def test_compressed_rows() -> None:
    rows = b"\xfc\x01\x00\x00\x00" + b"x" * 300
    assert compression.rows(166, _packed_row(rows)) == bytes.fromhex("56000000000001000203") + rows
    update = "5600000000000100020303"
    assert compression.rows(167, _packed_row(rows, head=update)) == bytes.fromhex(update) + rows
    extra = "560000000000010005 00aabbcc 020303"
    assert compression.rows(170, _packed_row(rows, head=extra)) == bytes.fromhex(extra) + rows
    recorded = (
        "560000000000000002 03 82 1390 789cedc1310100300803b0a261669180688ea9e04bb295645e1a0000000038f701405429e0"
    )
    body = compression.rows(166, bytes.fromhex(recorded))
    assert body[10:] == b"\xfc\x01\x00\x00\x00\x88\x13\x00" + b"x" * 5000


def test_damaged_rows() -> None:
    rows = bytes(1000)
    whole = _packed_row(rows)
    for damaged in (whole[:-1], _packed_row(rows, size=999), _packed_row(rows, size=1001), whole[:13], whole[:10]):
        with pytest.raises(Damaged):
            compression.rows(166, damaged)
    with pytest.raises(Unsupported):
        compression.rows(166, _packed_row(rows, method=1))


def test_a_compressed_statement() -> None:
    head = bytes(8) + b"\x01\x00\x00\x00\x00t\x00"
    text = b"create table x (id int comment '" + b"k" * 500 + b"')"
    assert compression.query(head + b"\x82" + len(text).to_bytes(2, "big") + zlib.compress(text)) == head + text
