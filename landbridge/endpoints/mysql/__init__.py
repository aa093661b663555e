"""MySQL and MariaDB, as source and as target; the flavour is told apart inside."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from landbridge.endpoints import abc, acting, altering, applying, inspecting, surveying
from landbridge.endpoints.later import Later
from landbridge.endpoints.scratches import Scratches
from landbridge.plan import EndpointRef

if TYPE_CHECKING:
    from landbridge.endpoints.mysql.connection import Database

FAMILY = "mysql"


def capabilities(ref: EndpointRef) -> Mapping[type, object]:
    from landbridge.endpoints.mysql.apply import Applier
    from landbridge.endpoints.mysql.catalog import Describer
    from landbridge.endpoints.mysql.changes import ChangeLog
    from landbridge.endpoints.mysql.checks import Checker
    from landbridge.endpoints.mysql.connection import Database
    from landbridge.endpoints.mysql.counters import Counters
    from landbridge.endpoints.mysql.freeze import Freezer
    from landbridge.endpoints.mysql.load import Loader
    from landbridge.endpoints.mysql.snapshot import SnapshotReader
    from landbridge.endpoints.mysql.sums import Viewer

    db = Database(ref)
    reader = SnapshotReader(db)
    return {
        abc.Connects: db,
        abc.Describes: Describer(db),
        abc.Carries: Later(partial(_carrier, db)),
        altering.Alters: Later(partial(_alterer, db)),
        acting.Acts: Later(partial(_actor, db)),
        abc.Counts: Counters(db),
        abc.Prepares: Later(partial(_schema_builder, db)),
        abc.Checks: Checker(db),
        inspecting.Inspects: Later(_inspector),
        surveying.Assesses: Later(partial(_assessor, db)),
        abc.Snapshots: reader,
        applying.ReadsAgain: reader,
        abc.Views: Viewer(db),
        abc.Changes: ChangeLog(db),
        abc.Freezes: Freezer(db),
        abc.Loads: Loader(db),
        applying.Applies: Applier(db),
        Scratches: Later(partial(_scratcher, db)),
    }


def _scratcher(db: "Database") -> object:
    from landbridge.endpoints.mysql.scratch import Scratcher

    return Scratcher(db)


def _assessor(db: "Database") -> object:
    from landbridge.endpoints.mysql.assess import Assessor

    return Assessor(db)


def _inspector() -> object:
    from landbridge.endpoints.mysql.unfit import Inspector

    return Inspector()


def _schema_builder(db: "Database") -> object:
    from landbridge.endpoints.mysql.ddl import SchemaBuilder

    return SchemaBuilder(db)


def _carrier(db: "Database") -> object:
    from landbridge.endpoints.mysql.objects.carrier import Carrier

    return Carrier(db)


def _actor(db: "Database") -> object:
    from landbridge.endpoints.mysql.objects.acting import Actor

    return Actor(db)


def _alterer(db: "Database") -> object:
    from landbridge.endpoints.mysql.schema.altering import TableAlterer

    return TableAlterer(db)
