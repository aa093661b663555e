"""Writing rows: from lines and changes into tables, in sets and one by one."""
