"""Geometries, vectors and dates of the log as canonical text, against bytes that real servers hold."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge.endpoints.mysql import texts


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        ("00000000010100000000000000000024400000000000003440", b"010100000000000000000024400000000000003440"),
        # What MySQL 9.7 holds of ST_GeomFromText('POINT(10 20)', 4326): latitude 10 is Y.
        ("e6100000010100000000000000000034400000000000002440", b"0101000020e610000000000000000034400000000000002440"),
    ],
)
def test_geometries(stored: str, text: bytes) -> None:
    assert texts.ewkb(bytes.fromhex(stored)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, b"0.5"), (-0.5, b"-0.5"), (0.0, b"0"), (-0.0, b"-0"), (1.0, b"1"), (10.0, b"10"), (100000.0, b"100000"),
        (999999.0, b"999999"), (1e6, b"1e+06"), (16777217.0, b"1.6777216e+07"), (123456.789, b"123456.79"),
        (0.1, b"0.1"), (1e-10, b"1e-10"), (0.0001, b"0.0001"), (0.00001, b"1e-05"), (0.00012345, b"0.00012345"),
        (3.4028234e38, b"3.4028235e+38"), (1.4e-45, b"1e-45"), (-1e15, b"-1e+15"), (12.5, b"12.5"),
    ],
)  # fmt: skip
def test_single_numbers_as_pgvector_prints_them(value: float, text: bytes) -> None:
    assert texts.single(struct.unpack("<f", struct.pack("<f", value))[0]) == text


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=5))
def test_vectors_keep_their_bits(numbers: list[float]) -> None:
    stored = struct.pack(f"<{len(numbers)}f", *numbers)
    assert struct.pack(f"<{len(numbers)}f", *json.loads(texts.vector(stored), parse_int=float)) == stored


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (b"2024-02-29", True), (b"2023-02-29", False), (b"0000-00-00", False), (b"2024-00-10", False),
        (b"2024-02-00", False), (b"0000-05-05", False), (b"0001-01-01 00:00:00.5", True),
        (b"9999-12-31 23:59:59+00", True), (b"0000-00-00 00:00:00+00", False),
    ],
)  # fmt: skip
def test_dates_of_the_calendar(text: bytes, known: bool) -> None:
    assert texts.is_a_date(text) is known
