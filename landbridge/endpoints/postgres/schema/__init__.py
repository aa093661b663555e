"""
The parts of the schema side. Reading (catalog.py): relations, constraints, indexes, defaults. Writing (ddl.py): target,
then within or across families, then clauses and presence.
"""
