"""The command line: one file a word, and what the words share."""
