"""Landbridge moves live databases. The engine: no orchestrator, no validation suites, no command line."""

__version__ = "0.1.0"
