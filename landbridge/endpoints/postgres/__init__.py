"""PostgreSQL, as source and as target."""

from collections.abc import Mapping

from landbridge.endpoints import abc
from landbridge.plan import EndpointRef

FAMILY = "postgres"


def capabilities(ref: EndpointRef) -> Mapping[type, object]:
    from landbridge.endpoints.postgres.apply import Applier
    from landbridge.endpoints.postgres.catalog import Describer
    from landbridge.endpoints.postgres.changes import ChangeLog
    from landbridge.endpoints.postgres.checks import Checker
    from landbridge.endpoints.postgres.connection import Database
    from landbridge.endpoints.postgres.counters import Counters
    from landbridge.endpoints.postgres.ddl import SchemaBuilder
    from landbridge.endpoints.postgres.freeze import Freezer
    from landbridge.endpoints.postgres.load import Loader
    from landbridge.endpoints.postgres.objects import Carrier
    from landbridge.endpoints.postgres.snapshot import SnapshotReader
    from landbridge.endpoints.postgres.sums import Viewer

    db = Database(ref)
    reader = SnapshotReader(db)
    return {
        abc.Connects: db,
        abc.Describes: Describer(db),
        abc.Counts: Counters(db),
        abc.Checks: Checker(db),
        abc.Snapshots: reader,
        abc.ReadsAgain: reader,
        abc.Views: Viewer(db),
        abc.Changes: ChangeLog(db),
        abc.Freezes: Freezer(db),
        abc.Prepares: SchemaBuilder(db),
        abc.Carries: Carrier(db),
        abc.Loads: Loader(db),
        abc.Applies: Applier(db),
    }
