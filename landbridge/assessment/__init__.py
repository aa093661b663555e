"""
What to know of a database before anybody decides to move it: checks, sizes, kinds, work left to people, the
application's statements, and the order to go in. Reads both ends, or a source alone; writes nothing to either.
"""

from landbridge.assessment.assess import Assessment, assess, distinct, failed, read_plan_for_assessment, sums

__all__ = ["Assessment", "assess", "distinct", "failed", "read_plan_for_assessment", "sums"]
