"""Views, routines, triggers and whatever else is no table, on their way to another server."""
