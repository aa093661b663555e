"""The tables of the ledger, in the schema `landbridge` of the target. Portable: no engine's own types."""

from typing import Any

import sqlalchemy as sa

SCHEMA = "landbridge"
VERSION = 3

metadata = sa.MetaData(schema=SCHEMA)

_RUN = sa.String(60)
_POSITION = sa.String(300)
_NAME = sa.String(130)


def _table(name: str, *columns: sa.Column[Any]) -> sa.Table:
    return sa.Table(name, metadata, *columns)


ledger = _table("ledger", sa.Column("version", sa.Integer, primary_key=True, autoincrement=False))

runs = _table(
    "runs",
    sa.Column("run", _RUN, primary_key=True),
    sa.Column("plan_name", sa.String(60), nullable=False),
    sa.Column("plan_hash", sa.String(64), nullable=False),
    sa.Column("plan", sa.JSON, nullable=False),
    sa.Column("source", sa.String(300), nullable=False),
    sa.Column("beside", sa.JSON, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("created", sa.Float(53), nullable=False),
    sa.Column("finished", sa.Float(53)),
)

phases = _table(
    "phases",
    sa.Column("run", _RUN, primary_key=True),
    sa.Column("phase", sa.String(40), primary_key=True),
    sa.Column("started", sa.Float(53), nullable=False),
    sa.Column("finished", sa.Float(53)),
    sa.Column("detail", sa.JSON),
)

tables = _table(
    "tables",
    sa.Column("run", _RUN, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("source", _NAME, nullable=False),
    sa.Column("target_schema", _NAME, nullable=False),
    sa.Column("target_name", _NAME, nullable=False),
    sa.Column("map", sa.JSON, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("position", _POSITION),
    sa.Column("rows", sa.BigInteger, nullable=False, default=0),
    sa.Column("bytes", sa.BigInteger, nullable=False, default=0),
    sa.Column("started", sa.Float(53)),
    sa.Column("finished", sa.Float(53)),
)

segments = _table(
    "segments",
    sa.Column("run", _RUN, primary_key=True),
    sa.Column("table_number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("bounds", sa.JSON, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("rows", sa.BigInteger),
    sa.Column("bytes", sa.BigInteger),
    sa.Column("position", _POSITION),
    sa.Column("finished", sa.Float(53)),
)

stream = _table(
    "stream",
    sa.Column("run", _RUN, primary_key=True),
    sa.Column("start", _POSITION, nullable=False),
    sa.Column("position", _POSITION, nullable=False),
    sa.Column("consistent", _POSITION),
    sa.Column("epoch", sa.Integer, nullable=False, default=0),
    sa.Column("hold", _POSITION, nullable=False, default=""),
    sa.Column("held", _POSITION, nullable=False, default=""),
    sa.Column("spool", sa.String(60)),
    sa.Column("changes", sa.BigInteger, nullable=False, default=0),
    sa.Column("committed", sa.Float(53), nullable=False, default=0.0),
    sa.Column("applied", sa.Float(53), nullable=False, default=0.0),
    sa.Column("paused", sa.String(400), nullable=False, default=""),
    sa.Column("passed", sa.Text, nullable=False, default=""),
    sa.Column("left_out", sa.Text, nullable=False, default=""),
)

counts = _table(
    "counts",
    sa.Column("run", _RUN, primary_key=True),
    sa.Column("table_number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("inserts", sa.BigInteger, nullable=False),
    sa.Column("updates", sa.BigInteger, nullable=False),
    sa.Column("deletes", sa.BigInteger, nullable=False),
    sa.Column("truncates", sa.BigInteger, nullable=False),
)

figures = _table(
    "figures",
    sa.Column("run", _RUN, primary_key=True),
    sa.Column("at", sa.Float(53), nullable=False),
    sa.Column("figures", sa.JSON, nullable=False),
)

alarms = _table(
    "alarms",
    sa.Column("run", _RUN, primary_key=True),
    sa.Column("alarm", sa.String(40), primary_key=True),
    sa.Column("began", sa.Float(53), nullable=False),
    sa.Column("found", sa.Text, nullable=False),
)

inventory = _table(
    "inventory",
    sa.Column("run", _RUN, primary_key=True),
    sa.Column("kind", sa.String(40), primary_key=True),
    sa.Column("name", sa.String(270), primary_key=True),
    sa.Column("parent", sa.String(270), primary_key=True, default=""),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("reason", sa.Text, nullable=False, default=""),
)

rejects = _table(
    "rejects",
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("run", _RUN, nullable=False),
    sa.Column("table_number", sa.Integer),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", sa.Float(53), nullable=False),
    sa.Column("position", _POSITION),
    sa.Column("change", sa.JSON(none_as_null=True)),
)

validations = _table(
    "validations",
    sa.Column("run", _RUN, primary_key=True),
    sa.Column("round", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("position", _POSITION),
    sa.Column("passed", sa.Boolean),
    sa.Column("detail", sa.JSON),
    sa.Column("started", sa.Float(53), nullable=False),
    sa.Column("finished", sa.Float(53)),
)

differences = _table(
    "differences",
    sa.Column("run", _RUN, primary_key=True),
    sa.Column("round", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("table_number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("key", sa.Text),
    sa.Column("what", sa.String(40), nullable=False),
    sa.Column("columns", sa.Text),
)

approvals = _table(
    "approvals",
    sa.Column("run", _RUN, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("gate", sa.String(40), nullable=False),
    sa.Column("evidence", sa.JSON, nullable=False),
    sa.Column("evidence_hash", sa.String(64), nullable=False),
    sa.Column("flow_run", sa.String(60)),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("approved_by", sa.String(200)),
    sa.Column("reason", sa.Text),
    sa.Column("requested", sa.Float(53), nullable=False),
    sa.Column("decided", sa.Float(53)),
    sa.Column("expires", sa.Float(53)),
)

decisions = _table(
    "decisions",
    sa.Column("run", _RUN, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("approve", sa.Boolean, nullable=False),
    sa.Column("by", sa.String(200), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("evidence_hash", sa.String(64), nullable=False),
    sa.Column("proof", sa.String(64), nullable=False),
    sa.Column("verified", sa.Boolean, nullable=False),
    sa.Column("decided", sa.Float(53), nullable=False),
    sa.Column("expires", sa.Float(53), nullable=False),
    sa.Column("void", sa.Text, nullable=False),
)

rehearsals = _table(
    "rehearsals",
    sa.Column("plan_name", sa.String(60), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("finished", sa.Float(53), nullable=False),
    sa.Column("document", sa.JSON, nullable=False),
)

cutover = _table(
    "cutover",
    sa.Column("run", _RUN, primary_key=True),
    sa.Column("state", sa.String(30), nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
    sa.Column("changed", sa.Float(53), nullable=False),
)

alterations = _table(
    "alterations",
    sa.Column("run", _RUN, primary_key=True),
    sa.Column("position", _POSITION, primary_key=True),
    sa.Column("table_number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("statement", sa.Text, nullable=False),
    sa.Column("obstacle", sa.Text, nullable=False),
    sa.Column("map", sa.JSON, nullable=False),
    sa.Column("renamed", sa.JSON, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("since", _POSITION),
    sa.Column("met", sa.Float(53), nullable=False),
    sa.Column("approved_by", sa.String(200)),
    sa.Column("reason", sa.Text),
    sa.Column("decided", sa.Float(53)),
)
