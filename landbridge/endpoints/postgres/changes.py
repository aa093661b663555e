"""The source's log as a stream: the publication and the slot that it needs, its beginning, and its end."""

import logging
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg2
import psycopg2.errors

from landbridge.endpoints.abc import Held, Pulse
from landbridge.endpoints.altering import Follow
from landbridge.endpoints.postgres.catalog import Describer
from landbridge.endpoints.postgres.connection import Database, closing, driver_errors
from landbridge.endpoints.postgres.log import backlog, shape, slots
from landbridge.endpoints.postgres.log.backlog import Backlog
from landbridge.endpoints.postgres.log.decode import Decoder
from landbridge.endpoints.postgres.log.drifts import Drifts
from landbridge.endpoints.postgres.log.held import held
from landbridge.endpoints.postgres.log.history import require_same
from landbridge.endpoints.postgres.log.lsn import AS_NUMBER, number, position
from landbridge.endpoints.postgres.log.published import Published, publish
from landbridge.endpoints.postgres.log.pulse import pulse
from landbridge.endpoints.postgres.log.silent import Silent
from landbridge.endpoints.postgres.log.stream import Messages, Stream, log_errors
from landbridge.endpoints.postgres.log.walsender import Walsender
from landbridge.endpoints.postgres.names import fits, qualified, quote, shorten
from landbridge.errors import Transient, Unsupported
from landbridge.model import Position, TableMap

log = logging.getLogger(__name__)

_SLOT_PATIENCE = 30
_SIDE_PATIENCE = 30
_KEEPALIVE = "5min"
"""wal_sender_timeout of our own session: how long whoever reads the stream may be busy with something else."""

_HERE = f"select {AS_NUMBER % 'pg_catalog.pg_current_wal_insert_lsn()'}"
_CREATE_SLOT = (
    f"select {AS_NUMBER % 'lsn'} from pg_catalog.pg_create_logical_replication_slot(%s, 'pgoutput', false, false{{}})"
)
_FAILOVER, _WITH_FAILOVER = ", true", 170_000
"""From this version on a standby that synchronises slots (sync_replication_slots) has ours, too."""

_PROTOCOLS = ((160_000, "4"), (150_000, "3"), (0, "2"))
"""The newest that each version of the server speaks."""


UNLOGGED = """
select distinct c.oid::regclass::text from unnest(%s::text[]) as t (name)
cross join lateral (select t.name::regclass::oid union select relid from pg_catalog.pg_partition_tree(t.name::regclass))
    as part (oid)
join pg_catalog.pg_class c on c.oid = part.oid and c.relkind = 'r' and c.relpersistence = 'u'
order by 1"""


class ChangeLog:
    """Implements abc.Changes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._bulk = True

    def here(self) -> Position:
        with self._session() as cursor:
            cursor.execute(_HERE)
            return position(cursor.fetchone()[0])

    def prepare(self, run: str, tables: Sequence[TableMap]) -> Position:
        """
        Transient, naming them, when open transactions keep the slot from being made. Unsupported when a table is
        unlogged, or one of its partitions: what is done to it is in no stream.
        """
        self._require_logged(tables)
        self.release(run)
        name = _name(run)
        with self._session() as cursor:
            publish(cursor, name, tables)
            return self._create_slot(cursor, name)

    def settle(self, since: Position, patience: float) -> None:
        """
        A commit is in the log before other sessions see it. So every transaction that is open or not yet visible now
        has to end; a slot has waited for those that began before it, but not for the visibility of the others.
        """
        deadline = time.monotonic() + patience
        with self._session() as cursor:
            cursor.execute("select pg_catalog.pg_current_xact_id()::text")  # a snapshot's xmax may lie below open ones
            limit = cursor.fetchone()[0]
            while left := slots.open_before(cursor, limit):
                if time.monotonic() >= deadline:
                    raise Transient(
                        f"transactions that were open at {since} have not ended: {', '.join(left)}",
                        mend="end them, or wait for them with a larger capture.patience",
                    )
                time.sleep(0.05)

    @contextmanager
    def stream(
        self,
        run: str,
        since: Position,
        tables: Sequence[TableMap],
        left_out: str = "",  # noqa: ARG002
        follow: Follow | None = None,
        passed: str = "",  # noqa: ARG002
        *,
        packed: bool = False,
    ) -> Iterator[Stream]:
        name = _name(run)
        with ExitStack() as opened:
            with log_errors(self._database.ref):
                side = opened.enter_context(closing(self._database.open()))
                with side.cursor() as cursor:
                    cursor.execute(f"set statement_timeout = '{_SIDE_PATIENCE}s'")
                    slots.claim(cursor, name, number(since))
                published = Published(side, name, tables)
                messages = self._messages(opened, side, name, number(since), packed=packed)
            drifts = Drifts(side=side, follow=follow, describe=Describer(self._database).table) if follow else None
            decoder = Decoder(tables, lambda relation, table: shape.examine(side, relation, table), published, drifts)
            silent = Silent(side, decoder, drifts) if drifts else None
            stream = Stream(
                messages, side, decoder, number(since), published.check, self._database.ref, silent, packed=packed
            )
            with closing(stream):
                yield stream

    def _messages(self, opened: ExitStack, side: Any, name: str, since: int, *, packed: bool) -> Messages:
        def behind(lsn: int) -> bool:
            return packed and self._bulk and backlog.worth(side, name, lsn)

        found = self._backlog(opened, name, since) if behind(since) else None
        if found is not None:
            return found
        connection = opened.enter_context(closing(self._database.open_replication()))
        return Walsender(_start(connection, name, since), behind)

    def _backlog(self, opened: ExitStack, name: str, since: int) -> Backlog | None:
        """None where the server refuses it: a walsender says the same, and why if it is refused, too."""
        connection = opened.enter_context(closing(self._database.open()))
        try:
            found = Backlog(connection, name, since, self._read_singly)
        except psycopg2.Error as error:
            if not backlog.refused(error):
                raise
            self._read_singly(str(error.pgcode))
            connection.close()  # a copy that was made already would hold the log as long as the walsender is read
            return None
        opened.callback(found.close)
        log.info("far behind: the log is read in bulk")
        return found

    def _read_singly(self, why: str) -> None:
        log.info("the log is not read in bulk any more, however far behind: %s", why)
        self._bulk = False

    def resume(self, run: str, known: str, since: Position, passed: str) -> Position:  # noqa: ARG002
        """A standby has the places of its primary, and the slot if it kept a copy: `stream` looks for that."""
        with log_errors(self._database.ref), closing(self._database.open_replication()) as connection:
            require_same(connection, known, self._database.identity(), since)
        return since

    def release(self, run: str) -> None:
        name = _name(run)
        with self._session() as cursor:
            cursor.execute("set default_transaction_read_only = off")  # a source that was frozen lets us, too
            slots.drop(cursor, name)
            cursor.execute("select from pg_catalog.pg_publication where pubname = %s", (name,))
            if cursor.fetchone() is not None:
                cursor.execute(f"drop publication {quote(name)}")

    def held(self, run: str, since: Position, committed: float) -> Held:  # noqa: ARG002
        with self._session() as cursor:
            return held(cursor, _name(run))

    def pulse(self, *positions: Position) -> Pulse:
        with self._session() as cursor:
            return pulse(cursor, positions)

    @contextmanager
    def _session(self) -> Iterator[Any]:
        with (
            driver_errors(self._database.ref),
            closing(self._database.open()) as connection,
            connection.cursor() as cursor,
        ):
            yield cursor

    def _require_logged(self, tables: Sequence[TableMap]) -> None:
        with self._session() as cursor:
            cursor.execute(UNLOGGED, ([qualified(table.source.name) for table in tables],))
            unlogged = [name for (name,) in cursor.fetchall()]
        if unlogged:
            raise Unsupported(
                f"changes of unlogged tables cannot be captured: {', '.join(unlogged)}",
                mend="ALTER TABLE ... SET LOGGED on the source, or leave them out, or move them by mode: full-load",
            )

    def _create_slot(self, cursor: Any, name: str) -> Position:
        cursor.execute(f"set statement_timeout = '{_SLOT_PATIENCE}s'")
        try:
            failover = _FAILOVER if cursor.connection.info.server_version >= _WITH_FAILOVER else ""
            cursor.execute(_CREATE_SLOT.format(failover), (name,))
            return position(cursor.fetchone()[0])
        except psycopg2.errors.QueryCanceled:
            cursor.execute("set statement_timeout = 0")
            blockers = slots.writers(cursor)
            raise Transient(
                f"the replication slot could not be made within {_SLOT_PATIENCE} s: it waits for open transactions, "
                f"the oldest: {', '.join(blockers) or 'none any more'}",
                mend="end them (select pg_terminate_backend(pid), rollback prepared) or wait; then start again",
            ) from None


def _start(connection: Any, name: str, since: int) -> Any:
    cursor = connection.cursor()
    cursor.execute(f"set wal_sender_timeout = '{_KEEPALIVE}'")
    options = {
        "proto_version": _protocol(connection.info.server_version),
        "streaming": "on",
        "publication_names": quote(name),
        "messages": "true",
    }
    cursor.start_replication(slot_name=name, start_lsn=since, options=options)
    return cursor


def _protocol(version: int) -> str:
    return next(protocol for since, protocol in _PROTOCOLS if version >= since)


def _name(run: str) -> str:
    """Of slot and publication; a slot's name has lower case letters, digits and _ only."""
    name = f"landbridge_{run}"
    plain = re.sub(r"[^a-z0-9_]", "_", name.lower())
    return name if name == plain and fits(name) else shorten(plain, told_by=run)
