"""The steps: Prefect tasks, one a table or phase, with their retries, names and progress."""
