"""The proof: counts and checksums compared, differences named, suites that decide."""
