"""Someone who reads the target all the time and checks what must hold in every snapshot."""

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import psycopg2
import pymysql

from tests.invariants.bank import RULES


class Reader(threading.Thread):
    """broken: the rules that did not hold, and how. The server may be away for a while."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        super().__init__(daemon=True, name="reader")
        self.snapshots, self.broken = 0, list[str]()
        self._connect = connect
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                with contextlib.closing(self._connect()) as connection:
                    while not self._stopping.wait(0.01):
                        self._look(connection)
            except (psycopg2.Error, pymysql.Error, OSError):
                self._stopping.wait(0.1)

    def _look(self, connection: Any) -> None:
        """One statement, so one snapshot in either engine; and again later within one transaction."""
        statement = f"select {', '.join(f'({query})' for query, _ in RULES.values())}"
        with connection.cursor() as cursor:
            for _ in range(2):
                cursor.execute(statement)
                found = cursor.fetchone()
                self.snapshots += 1
                for (name, (_, wanted)), value in zip(RULES.items(), found, strict=True):
                    if value != wanted:
                        self.broken.append(f"{name}: {value}, not {wanted}")
        connection.rollback()

    def __enter__(self) -> "Reader":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self.join(30)
