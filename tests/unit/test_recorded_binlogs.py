"""
Binlogs of servers that no test starts: of MySQL 5.7.21, which describes columns by type alone, and of MySQL 8.0.28 with a
compressed transaction. What they hold was read with mysqlbinlog 9.7, `--base64-output=decode-rows -v`.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from landbridge.change import DELETE, INSERT, UPDATE, Change, Transaction
from landbridge.endpoints.mysql.kinds import kind_of
from landbridge.endpoints.mysql.log import binlog, events
from landbridge.endpoints.mysql.log.binlog import Dump, Event
from landbridge.endpoints.mysql.log.charsets import Charsets
from landbridge.endpoints.mysql.log.compression import HEADER
from landbridge.endpoints.mysql.log.transactions import Source, Transactions
from landbridge.errors import Transient
from landbridge.model import Column, ColumnMap, Table, TableMap, TableName

CHARSETS = Charsets(
    names={33: "utf8mb3", 255: "utf8mb4"},
    widths={"utf8mb3": 3, "utf8mb4": 4},
    decoders={"utf8mb3": None, "utf8mb4": None},
)
MYSQLBINLOG = "79a997d576611f6eca50f75cd4c369684dd8caf8bdc4e54376296561c2863582"
"""SHA-256 of the lines that begin with ### in what it prints of the older file, quotes around values left out."""

SINCE = binlog.position("mysql-bin.000001", 4)
_ROTATE, _TABLE_MAP = 4, 19
_SIGNED = {1, 3, 5, 8, 246}
_NATIVES = {1: "tinyint", 3: "int", 5: "double", 8: "bigint", 17: "timestamp", 252: "text"}


class _Wire:
    """A file as the server sends it: an event a packet, and before them one that says which file comes."""

    def __init__(self, file: bytes) -> None:
        assert file[:4] == b"\xfebin"
        start = (4).to_bytes(8, "little") + b"mysql-bin.000001"
        events = [HEADER.pack(0, _ROTATE, 1, HEADER.size + len(start), 0, binlog.ARTIFICIAL) + start]
        at = 4
        while at < len(file):
            size = HEADER.unpack_from(file, at)[3]
            events.append(file[at : at + size])
            at += size
        self._bytes = b"".join((len(event) + 1).to_bytes(3, "little") + b"\0\0" + event for event in events)

    def recv(self, size: int) -> bytes:
        part, self._bytes = self._bytes[:size], self._bytes[size:]
        return part


def _events(file: bytes) -> Iterator[Event]:
    try:
        yield from Dump(_Wire(file), "a file", checksummed=False)
    except Transient as error:
        if "closed the log stream" not in error.found:
            raise


def _completed(body: bytes, width: int) -> tuple[bytes, TableMap]:
    """
    A table map with the metadata that the server did not log: names c0, c1, ... for want of the true ones, numbers with
    signs, texts in UTF-8; and the table that a catalog would have recorded.
    """
    name = events.table_name(body)
    cursor = events.Cursor(body, 8)
    cursor.take(cursor.fixed(1) + 1)
    cursor.take(cursor.fixed(1) + 1)
    codes, sizes = cursor.string(), events.Cursor(cursor.string())
    natives = []
    for code in codes:
        size = int.from_bytes(sizes.take({15: 2, 246: 2}.get(code, code in (5, 17, 252))), "little")
        decimal = f"decimal({size & 255},{size >> 8})"
        natives.append(_NATIVES.get(code) or (decimal if code == 246 else f"varchar({size // width})"))
    names = [b"c%d" % number for number in range(len(codes))]
    facts = b"\4" + _packed(b"".join(_packed(each) for each in names))
    if not body[cursor.at + (len(codes) + 7) // 8 :]:
        facts += b"\1" + _packed(bytes((sum(code in _SIGNED for code in codes) + 7) // 8)) + b"\2" + _packed(b"\x21")
    columns = tuple(
        Column(name=label.decode(), native=native, kind=kind_of(native))
        for label, native in zip(names, natives, strict=True)
    )
    table = Table(name=name, columns=columns)
    return body + facts, TableMap(
        number=0, source=table, target=table, columns=tuple(ColumnMap(source=c, target=c) for c in columns)
    )


def _packed(data: bytes) -> bytes:
    assert len(data) < 251
    return bytes([len(data)]) + data


def _read(file: bytes, width: int) -> tuple[list[Transaction], list[TableName], list[Event]]:
    """All transactions, the tables by number, and the events as they came."""
    seen = list(_events(file))
    maps: dict[TableName, TableMap] = {}
    whole = []
    for event in seen:
        if event[0] == _TABLE_MAP:
            body, table = _completed(event[4], width)
            maps.setdefault(table.source.name, table)
            whole.append((*event[:4], body))
        else:
            whole.append(event)
    tables = [
        TableMap(number=number, source=each.source, target=each.target, columns=each.columns)
        for number, each in enumerate(maps.values())
    ]
    taken = Transactions(tables, Source(mariadb=False, folded=False, charsets=CHARSETS), SINCE)
    found = [transaction for event in whole if (transaction := taken.take(event))]
    return found, [table.source.name for table in tables], seen


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    if not (shared_data / "binlog").is_dir():
        pytest.skip(f"no recorded binlogs in {shared_data}")
    return shared_data / "binlog"


def _as_mysqlbinlog(changes: list[Change], names: list[TableName]) -> Iterator[str]:
    """What mysqlbinlog -v prints of them, without its punctuation."""
    words = {INSERT: "INSERT INTO", UPDATE: "UPDATE", DELETE: "DELETE FROM"}
    for operation, table, old, new in changes:
        yield f"### {words[operation]} `{names[table].schema}`.`{names[table].name}`"
        for image, word in ((old, "WHERE"), (new, "SET")):
            if image is not None:
                yield f"### {word}"
                for place, value in enumerate(image, start=1):
                    yield f"###   @{place}={_printed(value)}"


def _printed(value: bytes | None) -> str:
    text = "NULL" if value is None else value.decode()
    if re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00", text):
        return str(int(datetime.fromisoformat(text).timestamp()))
    return text


def test_every_row_of_a_binlog_of_5_7(folder: Path) -> None:
    file = (folder / "mysql-bin.checksum-crc32").read_bytes()
    found, names, seen = _read(file, width=3)
    assert len(seen) == 303 + 1
    assert len(found) == 60
    changes = [change for transaction in found for change in transaction.changes]
    assert Counter((operation, str(names[table])) for operation, table, _, _ in changes) == {
        (INSERT, "auth.announcement_member"): 3,
        (INSERT, "auth.material_warehouse"): 1,
        (INSERT, "auth.material_warehouse_ownership"): 1,
        (INSERT, "auth.role"): 1,
        (INSERT, "auth.role_permission"): 1,
        (INSERT, "menkor_dev.fund_account"): 1,
        (INSERT, "menkor_dev.fund_pool"): 1,
        (INSERT, "menkor_dev.fund_pool_ownership"): 1,
        (INSERT, "simu_affair_dev.invitation"): 1,
        (INSERT, "simu_affair_dev.notice_follow"): 1,
        (INSERT, "simu_affair_dev.personnel"): 2,
        (INSERT, "simu_affair_dev.role"): 1,
        (INSERT, "simu_affair_dev.role_operation"): 1,
        (INSERT, "simu_file_dev.file"): 8,
        (INSERT, "simu_file_dev.file_log"): 6,
        (INSERT, "simu_file_dev.folder"): 4,
        (UPDATE, "simu_affair_dev.affair_user"): 2,
        (UPDATE, "simu_affair_dev.invitation"): 1,
        (UPDATE, "simu_file_dev.file"): 18,
        (UPDATE, "simu_file_dev.folder"): 2,
        (DELETE, "auth.announcement_member"): 1,
        (DELETE, "simu_file_dev.file"): 5,
    }
    account = next(new for _, table, _, new in changes if str(names[table]) == "menkor_dev.fund_account")
    assert account == (
        b"13500014", b"0.00", b"13500110", b"13100009", b"13600306", b"0", b"", b"CNY", "yan闫庆庆".encode(), b"0",
        b"2018-05-04 11:42:33+00", b"2018-05-04 11:42:33+00", b"0.00", b"2", b"0", b"13500013",
    )  # fmt: skip
    assert [transaction.position for transaction in found] == sorted({each.position for each in found})
    assert found[-1].position == binlog.position("mysql-bin.000001", len(file) - 47)
    lines = "\n".join(_as_mysqlbinlog(changes, names))
    assert hashlib.sha256(lines.encode()).hexdigest() == MYSQLBINLOG


def test_a_compressed_transaction_of_8_0(folder: Path) -> None:
    file = (folder / "mysql-bin.compressed").read_bytes()
    found, names, seen = _read(file, width=4)
    assert [event[0] for event in seen] == [4, 15, 35, 34, 2, 19, 31, 16, 4]
    (transaction,) = found
    assert transaction.position == binlog.position("mysql-bin.000001", 724)
    ((operation, table, old, new),) = transaction.changes
    assert (operation, names[table]) == (UPDATE, TableName(schema="demo", name="movies"))
    cast = (
        b"Claudia Cardinale|Charles Bronson|Henry Fonda|Gabriele Ferzetti|Frank Wolff|Al Mulock|Jason Robards|Woody Strode"
        b"|Jack Elam|Lionel Stander|Paolo Stoppa|Keenan Wynn|Aldo Sambrell"
    )
    before = (
        b"1", b"Once Upon a Time in the West", b"1968", b"Italy", b"Western", cast, b"Sergio Leone", b"Ennio Morricone",
        b"Sergio Leone|Sergio Donati|Dario Argento|Bernardo Bertolucci", b"Tonino Delli Colli", b"Paramount Pictures",
    )  # fmt: skip
    assert old == before
    assert new == (*before[:4], b"Western|Action", *before[5:])


@pytest.mark.parametrize("place", [260, 300, 500, 700, 719])
def test_a_damaged_payload_gives_no_transaction(folder: Path, place: int) -> None:
    file = bytearray((folder / "mysql-bin.compressed").read_bytes())
    file[place] ^= 0x10
    with pytest.raises(Transient, match="checksum is wrong"):
        _read(bytes(file), width=4)
