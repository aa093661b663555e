"""The log: what it holds, taken off the wire, and read as committed changes."""
