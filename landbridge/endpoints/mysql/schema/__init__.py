"""
The parts of the schema side. Reading (catalog.py): definition. Writing (ddl.py): target, then within or across
families, then clauses and presence.
"""
