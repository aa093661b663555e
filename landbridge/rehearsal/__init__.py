"""
The whole migration into a scratch target, and what its times say about the real one.

scratch.py makes and drops the target, measured.py takes the figures, forecast.py reckons with them, page.py and plot.py
show them.
"""

from landbridge.rehearsal.forecast import Change, Estimate, compare, forecast, verdicts
from landbridge.rehearsal.measured import Sample, document, measure
from landbridge.rehearsal.page import markdown, write
from landbridge.rehearsal.scratch import clear, dry, make, must_be_able

__all__ = [
    "Change", "Estimate", "Sample", "clear", "compare", "document", "dry", "forecast", "make", "markdown",
    "measure", "must_be_able", "verdicts", "write",
]  # fmt: skip
