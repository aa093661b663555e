"""Reading rows: sessions that see one moment, ranges of keys, the lines of a query."""
