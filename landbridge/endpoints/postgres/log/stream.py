"""
The slot's messages as transactions, groups of small ones, and heartbeats. What they claim of the log is in `beats.py`.
"""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import psycopg2.errors

from landbridge.change import Change, Named, Transaction, lay
from landbridge.endpoints.postgres.connection import driver_errors
from landbridge.endpoints.postgres.log import pgoutput
from landbridge.endpoints.postgres.log.beats import Beats, emitted
from landbridge.endpoints.postgres.log.decode import Decode, Decoder
from landbridge.endpoints.postgres.log.grouping import Group, group
from landbridge.endpoints.postgres.log.in_progress import InProgress
from landbridge.endpoints.postgres.log.lsn import number, position
from landbridge.endpoints.postgres.log.packed import HEAD, Packer
from landbridge.endpoints.postgres.log.silent import Silent
from landbridge.errors import PositionLost, SchemaDrift, Unsupported
from landbridge.model import Position
from landbridge.plan import EndpointRef

_PART_CHANGES = 10_000
_PART_BYTES = 8 << 20
_WATCH = 10.0
_LOOK = 1.0
_BORDERS = (pgoutput.BEGIN, pgoutput.COMMIT)
_IGNORED = (pgoutput.TYPE, pgoutput.ORIGIN)


class Messages(Protocol):
    """
    read: the next message, None: no more has been received. It may be another function after each `wait`. end: once all
    has been read, every commit whose record ends there or before has come. slow: what is asked for may take long, and
    comes whole, between two transactions.
    """

    read: Callable[[], bytes | None]
    slow: bool

    @property
    def end(self) -> int: ...

    def wait(self) -> bool:
        """A moment, for more. False: none will come, the stream is to be opened anew."""

    def behind(self, lsn: int) -> bool:
        """Whether there is so much past this place that the stream is better opened anew."""

    def confirm(self, lsn: int) -> None:
        """The target holds all up to there."""


class Stream:
    """
    Implements abc.ChangeStream. `side` is an ordinary connection to the same database; `watch` is called now and then
    and raises when the source no longer sends all that is planned.
    """

    def __init__(
        self,
        messages: Messages,
        side: Any,
        decoder: Decoder,
        since: int,
        watch: Callable[[], None],
        ref: EndpointRef,
        silent: Silent | None = None,
        *,
        packed: bool = False,
    ) -> None:
        self._messages, self._decoder, self._watch, self._ref = messages, decoder, watch, ref
        self._goes_on = True
        self._silent = silent
        self._in_progress = InProgress(decoder)
        self._since, self._beats = since, Beats(side, since)
        self._watched_at = self._looked_at = time.monotonic()
        self._changes: list[Change] = []
        self._packer, self._packs = Packer(), decoder.packs if packed else {}
        self._rows: list[bytes] = []  # in place of changes, as long as all of a transaction can go packed
        self._named: Named = {}
        self._size = 0
        self._inside = self._again = self._parted = self._streaming = False
        self._commit, self._committed = 0, 0.0

    def __iter__(self) -> Iterator[Transaction]:
        with log_errors(self._ref):
            yield from self._transactions()

    def confirm(self, position: Position) -> None:
        with driver_errors(self._ref):
            self._messages.confirm(number(position))

    def _transactions(self) -> Iterator[Transaction]:
        rows, packs = self._decoder.rows, self._packs
        while self._goes_on or self._inside:
            payload = self._messages.read()
            if packs and payload is not None and (payload[0] == pgoutput.BEGIN or payload[:HEAD] in packs):
                payload = yield from self._packed(payload)
            if payload is None:
                found = self._idle()
            elif self._streaming or payload[0] in _BORDERS:
                found = self._take(payload) if self._streaming else self._border(payload)
            else:
                decode = rows.get(payload[:5])
                if decode is None:
                    if payload[0] == pgoutput.STREAM_COMMIT:
                        yield from self._streamed(payload)
                        continue
                    found = self._other(payload)
                elif self._again:
                    continue
                else:
                    self._unpack()
                    if len(self._changes) >= _PART_CHANGES or self._size >= _PART_BYTES:
                        yield self._part()
                    self._decode(decode, payload)
                    continue
            if found is not None:
                yield from self._told_now(found)
        if beat := self._beat(now=True):
            yield beat

    def _told_now(self, found: Transaction) -> Iterator[Transaction]:
        yield found
        if found.last and self._silent is not None and not self._inside:
            yield from self._unsaid(self._silent)

    def _packed(self, payload: bytes) -> Generator[Transaction, None, bytes | None]:
        """What goes packed from here on, as far as it is whole; then what cannot, None: nothing more was received."""
        following: bytes | None = payload
        if payload[0] == pgoutput.BEGIN:
            found = group(payload, self._messages.read, self._packs, self._since)
            following, whole = found.next, self._grouped(found) if found.ends else None
            if found.begun is not None:
                self._begin(*found.begun, found)
            if whole is not None:
                yield from self._told_now(whole)
        if following is not None and following[:HEAD] in self._packs and self._packs_now():
            following = self._pack(following)
        return following

    def _begin(self, commit: int, committed: float, found: Group) -> None:
        """The transaction that is not whole yet."""
        self._commit, self._committed, self._inside = commit, committed, True
        self._rows, self._size = found.begun_rows, sum(map(len, found.begun_rows))
        self._named = dict(found.named) if self._rows else {}

    def _grouped(self, found: Group) -> Transaction:
        self._note(found.told)
        last, self._committed, _ = found.ends[-1]
        ends = found.ends if len(found.ends) > 1 else ()
        return Transaction(last, self._committed, [], packed=lay(found.rows, found.named), ends=ends)

    def _packs_now(self) -> bool:
        """Whether what the transaction has done so far is packed, if anything."""
        return not (self._changes or self._parted or self._again or self._streaming)

    def _pack(self, payload: bytes) -> bytes | None:
        """With what follows it; then the first message that cannot go packed. None: nothing more has been received."""
        read, packs, rows, size = self._messages.read, self._packs, self._rows, self._size
        while (pack := packs.get(payload[:HEAD])) and size < _PART_BYTES and len(rows) < _PART_CHANGES:
            rows.append(payload)
            size += len(payload)
            self._named[pack[0]] = pack[1]
            following = read()
            if following is None:
                self._size = size
                return None
            payload = following
        self._size = size
        return payload

    def _decode(self, decode: Decode, payload: bytes) -> None:
        try:
            self._changes.append(decode(payload))
        except Unsupported as error:
            self._changes += self._unread(payload[1:5], error)
        self._size += len(payload)

    def _unread(self, oid: bytes, error: Unsupported) -> list[Change]:
        """Past the position of what the transaction may have altered."""
        return self._decoder.unread(oid, position(self._commit + 2), error)

    def _unpack(self) -> None:
        if self._rows:
            self._changes += self._packer.unpack(lay(self._rows, self._named))
            self._rows, self._named = [], {}

    def _unsaid(self, silent: Silent) -> Iterator[Transaction]:
        """Alterations after which no row has come, told as soon as all that went before them has been."""
        if changes := silent.due(self._beats.told):
            self._changes = changes
            yield self._tell(self._beats.told + 1, last=True)

    def _other(self, payload: bytes) -> Transaction | None:
        tag = payload[0]
        if tag == pgoutput.RELATION:
            self._unpack()
            self._changes += self._decoder.relation(payload, None if self._again else position(self._commit + 1))
        elif tag == pgoutput.TRUNCATE:
            self._unpack()
            self._changes += [] if self._again else self._decoder.truncate(payload)
        elif tag == pgoutput.MESSAGE:
            return self._message(payload)
        elif tag == pgoutput.STREAM_START:
            self._in_progress.begin(payload)
            self._inside = self._streaming = True
        elif tag == pgoutput.STREAM_ABORT:
            self._in_progress.abort(payload)
        elif tag not in _IGNORED:
            raise self._decoder.undecodable(payload)
        return None

    def _take(self, payload: bytes) -> Transaction | None:
        if payload[0] == pgoutput.RELATION:
            return self._describe(payload)
        if payload[0] != pgoutput.STREAM_STOP:
            self._in_progress.take(payload)
            return None
        self._in_progress.pause()
        self._inside = self._streaming = False
        return self._breathe()

    def _describe(self, payload: bytes) -> Transaction | None:
        """Before a large transaction has ended: what it finds altered was committed, or it has done so itself."""
        try:
            changes = self._decoder.relation(payload[:1] + payload[5:], position(self._beats.told + 1))
        except SchemaDrift:
            self._in_progress.take(payload)  # noted there, and raised if it commits
            return None
        if not changes:
            return None
        self._changes = changes
        return self._tell(self._beats.told + 1, last=True)

    def _streamed(self, payload: bytes) -> Iterator[Transaction]:
        """The commit of a transaction that was sent before."""
        whole, self._commit, end, self._committed = pgoutput.stream_commit(payload)
        self._again = self._commit < self._since
        for oid, error in self._in_progress.unread(whole).items():
            self._changes += [] if self._again else self._unread(oid, error)
        for changes in self._in_progress.commit(whole):
            if self._again:
                break
            if self._changes:
                yield self._part()
            self._changes = changes
        if found := self._end(end):
            yield found

    def _border(self, payload: bytes) -> Transaction | None:
        """The server sends again what it was not told is safe; a commit record never lies across a position."""
        if payload[0] == pgoutput.COMMIT:
            return self._end(pgoutput.commit(payload))
        self._commit, self._committed = pgoutput.begin(payload)
        self._again = self._commit < self._since
        self._inside = True
        return None

    def _part(self) -> Transaction:
        """Where the commit ends is not known yet; just past its start is before that and after any other position."""
        self._parted = True
        return self._tell(self._commit + 1, last=False)

    def _end(self, end: int) -> Transaction | None:
        again, nothing = self._again, not self._changes and not self._rows and not self._parted
        self._inside = self._again = self._parted = False
        if again:
            return None
        if nothing:  # versions before 15 send transactions of other tables, empty
            self._beats.hear(end)
            return self._beat()
        return self._tell(end, last=True)

    def _tell(self, lsn: int, *, last: bool) -> Transaction:
        packed = lay(self._rows, self._named) if self._rows else None
        told = Transaction(position(lsn), self._committed, self._changes, last, packed=packed)
        self._changes, self._rows, self._named, self._size = [], [], {}, 0
        self._note(lsn)
        return told

    def _note(self, lsn: int) -> None:
        self._beats.tell(lsn)
        now = time.monotonic()
        if now - self._watched_at >= _WATCH:
            self._watch()
            self._watched_at = now
        if now - self._looked_at >= _LOOK and not self._in_progress.any:
            self._goes_on = self._goes_on and not self._messages.behind(lsn)
            self._looked_at = now

    def _message(self, payload: bytes) -> Transaction | None:
        transactional, lsn, prefix, content = pgoutput.message(payload)
        if transactional or self._inside:
            return None
        self._beats.hear(lsn)
        at = emitted(prefix, content)
        self._committed = at or 0.0
        return self._beat(now=at is not None)

    def _idle(self) -> Transaction | None:
        """Nothing more has been received."""
        if not self._inside:
            self._beats.hear(self._messages.end)
            self._committed = 0.0  # how old that is nobody says
            if beat := self._beat():
                return beat
        self._beats.emit_if_quiet()
        self._goes_on = self._messages.wait() and self._goes_on
        return self._breathe() if self._messages.slow else None

    def _beat(self, *, now: bool = False) -> Transaction | None:
        lsn = self._beats.due(now=now)
        return None if lsn is None else self._tell(lsn, last=True)

    def _breathe(self) -> Transaction | None:
        """So that whoever reads us acts now and then, however long nothing comes that is whole."""
        self._beats.emit_if_quiet()
        if not self._beats.late():
            return None
        self._beats.tell(self._beats.told)
        return Transaction(position(self._beats.told), 0.0, [], last=True)

    def close(self) -> None:
        self._in_progress.close()


@contextmanager
def log_errors(ref: EndpointRef) -> Iterator[None]:
    """The driver's errors as ours; as PositionLost those by which the server says that the slot cannot go on."""
    with driver_errors(ref):
        try:
            yield
        except (
            psycopg2.errors.UndefinedObject,
            psycopg2.errors.UndefinedFile,
            psycopg2.errors.ObjectNotInPrerequisiteState,
        ) as error:
            raise PositionLost(
                f"the source's log cannot be read on: {error.diag.message_primary}",
                mend="load again; then see that max_slot_wal_keep_size is large enough and that nobody drops the slot",
            ) from None
