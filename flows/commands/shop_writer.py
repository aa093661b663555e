"""
The demo's application: a process that keeps writing to the shop, one small transaction after another, moves to the
target when it is told, and keeps account of the longest time in which it could not write.

    python -m flows.commands.shop_writer FOLDER

FOLDER/writer.json says where to write ({"url": ..., "schema": ...}); a change of that file moves the writer.
FOLDER/writes.json is its account, rewritten twice a second.
"""

import json
import random
import sys
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

STATUSES = ("new", "paid", "packed", "shipped", "cancelled")


class Writer:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.random = random.Random(7)  # noqa: S311 nothing here is a secret
        self.account: dict[str, Any] = {
            "transactions": 0,
            "rows": 0,
            "refused": 0,
            "longest_gap": 0.0,
            "last": time.time(),
        }
        self.place = ""
        self.saved = 0.0

    def run(self) -> None:
        while True:
            self.place = self._told()
            described = json.loads(self.place)
            engine = sa.create_engine(described["url"], poolclass=NullPool)
            try:
                with engine.connect() as connection:
                    self._write_here(connection, described["schema"])
            except sa.exc.DBAPIError:
                self.account["refused"] += 1
                self._save()
                time.sleep(0.02)

    def _told(self) -> str:
        return (self.folder / "writer.json").read_text()

    def _write_here(self, connection: sa.Connection, schema: str) -> None:
        """Until it is told to write elsewhere, or a write is refused."""
        while self.place == self._told():
            with connection.begin():
                rows = self._transaction(connection, schema)
            now = time.time()
            self.account["longest_gap"] = max(self.account["longest_gap"], now - self.account["last"])
            self.account |= {"last": now, "transactions": self.account["transactions"] + 1}
            self.account["rows"] += rows
            self._save()
            time.sleep(0.004)

    def _transaction(self, connection: sa.Connection, schema: str) -> int:
        choice = self.random.random()
        if choice < 0.4:
            return self._new_order(connection, schema)
        order = self.random.randint(1, 100_000)
        if choice < 0.7:
            update = (
                f"update {schema}.orders set status = '{self.random.choice(STATUSES)}', note = :note where id = :id"
            )
            return connection.execute(sa.text(update), {"id": order, "note": f"seen ✓ {time.time():.3f}"}).rowcount
        if choice < 0.9:
            update = f"update {schema}.customers set balance = balance + 1.5 where id = :id"
            return connection.execute(sa.text(update), {"id": order % 20_000 + 1}).rowcount
        return connection.execute(sa.text(f"delete from {schema}.orders where id = :id"), {"id": order}).rowcount

    def _new_order(self, connection: sa.Connection, schema: str) -> int:
        number = self.account["transactions"]
        columns = "customer_id, total, note, details"
        insert = f"insert into {schema}.orders ({columns}) values (:customer, :total, :note, :details)"
        values = {
            "customer": self.random.randint(1, 20_000),
            "total": "19.99",
            "note": None,
            "details": f'{{"n": {number}}}',
        }
        connection.execute(sa.text(insert), values)
        newest = connection.execute(sa.text(f"select max(id) from {schema}.orders")).scalar_one()
        line = f"insert into {schema}.items (order_id, line, sku, price) values (:order, :line, :sku, 9.5)"
        connection.execute(sa.text(line), [{"order": newest, "line": n, "sku": f"SKU-{number % 997}"} for n in (1, 2)])
        return 3

    def _save(self) -> None:
        if time.time() - self.saved > 0.5:
            self.saved = time.time()
            part = self.folder / "writes.json.part"
            part.write_text(json.dumps(self.account))
            part.rename(self.folder / "writes.json")


if __name__ == "__main__":
    Writer(Path(sys.argv[1])).run()
