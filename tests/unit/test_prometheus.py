"""The figures in the text that Prometheus reads."""

from landbridge.figures import Figures, Side
from landbridge.prometheus import text

FIGURES = Figures(
    at=1_700_000_000.0, lag=2.5, capture=Side(state="capturing", lag=0.5, bytes=100, rate=70.0),
    apply=Side(state="applying", lag=2.0, bytes=4000, rate=50.5), changes=12, spool_bytes=8192, catch_up=None,
    growing=True, log={"state": "kept", "bytes": 4100, "bytes_left": None, "seconds_left": 3600.0}, log_rate=10.0,
    log_left=3600.0, oldest=(7.25, "pid 9"), paused="", tables={'public.a"b': {"inserts": 3, "updates": 0}},
).as_dict()  # fmt: skip
OWN = 'plan="shop",run="shop_1"'


def test_every_figure_that_is_known_stands_there_once() -> None:
    lines = text("shop", "shop_1", FIGURES | {"running": True}, {"lag"}).splitlines()
    values = [line for line in lines if not line.startswith("#")]
    assert values == [
        f"landbridge_up{{{OWN}}} 1",
        f"landbridge_lag_seconds{{{OWN}}} 2.5",
        f"landbridge_capture_lag_seconds{{{OWN}}} 0.5",
        f"landbridge_capture_lag_bytes{{{OWN}}} 100",
        f"landbridge_capture_changes_per_second{{{OWN}}} 70.0",
        f"landbridge_apply_lag_seconds{{{OWN}}} 2.0",
        f"landbridge_apply_lag_bytes{{{OWN}}} 4000",
        f"landbridge_apply_changes_per_second{{{OWN}}} 50.5",
        f"landbridge_spool_bytes{{{OWN}}} 8192",
        f"landbridge_source_log_bytes{{{OWN}}} 4100",
        f"landbridge_source_log_left_seconds{{{OWN}}} 3600.0",
        f"landbridge_source_log_bytes_per_second{{{OWN}}} 10.0",
        f"landbridge_oldest_transaction_seconds{{{OWN}}} 7.25",
        f"landbridge_paused{{{OWN}}} 0",
        f"landbridge_applied_changes_total{{{OWN}}} 12",
        f'landbridge_table_changes_total{{{OWN},table="public.a\\"b",operation="inserts"}} 3',
        f'landbridge_table_changes_total{{{OWN},table="public.a\\"b",operation="updates"}} 0',
        f'landbridge_alarm{{{OWN},alarm="lag"}} 1',
        f'landbridge_alarm{{{OWN},alarm="log_loss"}} 0',
        f'landbridge_alarm{{{OWN},alarm="spool"}} 0',
        f'landbridge_alarm{{{OWN},alarm="transaction"}} 0',
        f'landbridge_alarm{{{OWN},alarm="standing"}} 0',
    ]
    families = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(families) == len(set(families))
    assert {line.partition("{")[0] for line in values} == set(families)


def test_a_run_that_is_over_is_not_up() -> None:
    assert text("shop", "shop_1", None).splitlines()[2] == f"landbridge_up{{{OWN}}} 0"
