"""Many instances at once, on whatever runs functions: threads, processes, a cluster."""

from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from typing import Any

from copt.errors import MissingExtraError
from copt.result import Result
from copt.solve import solve

__all__ = ["RayExecutor", "solve_many"]


def solve_many(instances: Iterable[Any], *, executor: Executor | None = None, **options: Any) -> list[Result]:
    """Solve every instance and return the results in the same order.

    With an executor the solves run side by side, each with its own ``workers`` threads; its clock starts
    when it does. The first error cancels what has not begun and reaches the caller.

    Args:
        instances: Instances of any families.
        executor: Any ``concurrent.futures`` executor, or a ``RayExecutor``; None solves one after the other.
        **options: Passed on to every ``copt.solve``.
    """
    if executor is None:
        return [solve(instance, **options) for instance in instances]
    futures = [executor.submit(solve, instance, **options) for instance in instances]
    try:
        return [future.result() for future in futures]
    except BaseException:
        for future in futures:
            future.cancel()
        raise


class RayExecutor(Executor):
    """Runs each call as a task of a Ray cluster; ``ray.init`` beforehand says which one.

    Args:
        **options: Options of a Ray task, such as ``num_cpus=2``.

    Raises:
        MissingExtraError: If Ray is not installed.
    """

    def __init__(self, **options: Any) -> None:
        try:
            import ray
        except ModuleNotFoundError:
            raise MissingExtraError("RayExecutor", "ray") from None
        self._remote = ray.remote(**options) if options else ray.remote

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Start ``fn(*args, **kwargs)`` on the cluster and return its future."""
        future: Future[Any] = self._remote(fn).remote(*args, **kwargs).future()
        return future
