"""PostgreSQL, as source and as target."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from landbridge.endpoints import abc, altering, applying, inspecting, surveying
from landbridge.endpoints.later import Later
from landbridge.endpoints.scratches import Scratches
from landbridge.plan import EndpointRef

if TYPE_CHECKING:
    from landbridge.endpoints.postgres.connection import Database

FAMILY = "postgres"


def capabilities(ref: EndpointRef) -> Mapping[type, object]:
    from landbridge.endpoints.postgres.apply import Applier
    from landbridge.endpoints.postgres.catalog import Describer
    from landbridge.endpoints.postgres.changes import ChangeLog
    from landbridge.endpoints.postgres.checks import Checker
    from landbridge.endpoints.postgres.connection import Database
    from landbridge.endpoints.postgres.counters import Counters
    from landbridge.endpoints.postgres.freeze import Freezer
    from landbridge.endpoints.postgres.load import Loader
    from landbridge.endpoints.postgres.log.packed import Packer
    from landbridge.endpoints.postgres.snapshot import SnapshotReader
    from landbridge.endpoints.postgres.sums import Viewer

    db = Database(ref)
    reader = SnapshotReader(db)
    return {
        abc.Connects: db,
        abc.Describes: Describer(db),
        abc.Counts: Counters(db),
        abc.Checks: Checker(db),
        inspecting.Inspects: Later(_inspector),
        surveying.Assesses: Later(partial(_assessor, db)),
        abc.Snapshots: reader,
        applying.ReadsAgain: reader,
        abc.Views: Viewer(db),
        abc.Changes: ChangeLog(db),
        abc.Packs: Packer(),
        abc.Freezes: Freezer(db),
        abc.Prepares: Later(partial(_schema_builder, db)),
        abc.Carries: Later(partial(_carrier, db)),
        altering.Alters: Later(partial(_alterer, db)),
        abc.Loads: Loader(db),
        applying.Applies: Applier(db),
        Scratches: Later(partial(_scratcher, db)),
    }


def _scratcher(db: "Database") -> object:
    from landbridge.endpoints.postgres.scratch import Scratcher

    return Scratcher(db)


def _assessor(db: "Database") -> object:
    from landbridge.endpoints.postgres.assess import Assessor

    return Assessor(db)


def _inspector() -> object:
    from landbridge.endpoints.postgres.unfit import Inspector

    return Inspector()


def _schema_builder(db: "Database") -> object:
    from landbridge.endpoints.postgres.ddl import SchemaBuilder

    return SchemaBuilder(db)


def _carrier(db: "Database") -> object:
    from landbridge.endpoints.postgres.objects.carrier import Carrier

    return Carrier(db)


def _alterer(db: "Database") -> object:
    from landbridge.endpoints.postgres.schema.altering import TableAlterer

    return TableAlterer(db)
