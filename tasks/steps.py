"""What all tasks have in common: what may clear by itself is tried again, decided by the error's class."""

import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.logging import get_run_logger
from prefect.tasks import exponential_backoff

from landbridge.errors import Transient

P = ParamSpec("P")
R = TypeVar("R")


def is_transient(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    return isinstance(state.data, Transient)


def step(name: str, run_name: str | None = None, retries: int = 5) -> Callable[[Callable[P, R]], Task[P, R]]:
    """A task of ours; waits 1, 2, 4, 8, 16 seconds, more or less, before it tries again."""
    return task(
        name=name,
        task_run_name=run_name or name,
        retries=retries,
        retry_delay_seconds=exponential_backoff(backoff_factor=1),
        retry_jitter_factor=0.5,
        retry_condition_fn=is_transient,
        cache_policy=NO_CACHE,  # the ledger knows what is done; and a cache would want to hash what tasks are given
    )


def patiently(action: Callable[[], R]) -> R:
    """The same patience for what is too small to be a task."""
    for delay in (1, 2, 4, 8, 16):
        try:
            return action()
        except Transient as error:
            get_run_logger().warning("trying again in %d s: %s", delay, error.found)
            time.sleep(delay)
    return action()
