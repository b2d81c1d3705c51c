"""Where work is done: on threads of this process, or by the workers of a Dask cluster.

A piece of work is a pure function of a small argument, so it may be done anywhere, and again where
a worker was lost: the results are the same, in the same order.
"""

import logging
import platform
import signal
import sys
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from importlib.metadata import version
from socket import gethostname
from typing import TYPE_CHECKING, Any, TypeVar

from snmc import __version__
from snmc.ground.cache import source_hash
from snmc.ground.errors import InputError, PhysicsWarning

if TYPE_CHECKING:
    from distributed import Client

Item = TypeVar("Item")
Result = TypeVar("Result")

LOCAL = "local"  # in place of an address: processes of this machine
CONNECT = 10.0  # s to reach a scheduler
PATIENCE = 300.0  # s that a cluster may be without any worker
GLANCE = 5.0  # s after which one looks whether there are still workers
EACH = 2  # pieces of work handed out to each thread of a cluster: none idles between two
PACKAGES = ("numpy", "numba", "scipy")  # that decide the last digit of a result


def ordered(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int,
    scheduler: str | None = None,
    ahead: int = 1,
) -> Generator[Result, None, None]:
    """Results of `function` for each of the `items`, in their order, a few worked on ahead.

    `scheduler`: None for threads of this process, "local" for processes that are started and ended
    here, else the address of a Dask scheduler; for these `function` is picklable and pure, its
    items and partial arguments are small. `workers`: threads or processes; no matter for an
    address. `ahead`: results that may wait beside those in work (one a worker, two in a cluster).
    What a piece of work raises comes out as itself, its warnings once each. Close the iterator, or
    use it up: what is left is then called off. Raises InputError for a cluster that cannot be
    reached, has no workers or has others' software, and for work that no worker outlives.
    """
    if scheduler is None:
        return _on_threads(function, items, workers, ahead)
    return _on_cluster(function, items, workers, scheduler, ahead)


def check_scheduler(scheduler: str | None) -> None:
    """Connect for a moment, so that a wrong address is known before anything is computed.

    `scheduler` as for `ordered`. Raises InputError if it cannot be used.
    """
    if scheduler == LOCAL:
        _need_dask()
    elif scheduler is not None:
        with _connected(scheduler, 0) as client:
            _check_software(client)


def _on_threads(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int, ahead: int
) -> Generator[Result, None, None]:
    with ThreadPoolExecutor(workers) as pool:
        yield from _in_order(
            items,
            lambda item: pool.submit(function, item),
            lambda future: future.result(),
            lambda: workers + ahead,
        )


def _in_order(
    items: Iterable[Item],
    submit: Callable[[Item], Any],
    result: Callable[[Any], Result],
    most: Callable[[], int],
) -> Generator[Result, None, None]:
    """Results in the order of items; `most`: how many may be handed out at a time."""
    waiting: deque[Any] = deque()
    try:
        for item in items:
            waiting.append(submit(item))
            if len(waiting) >= most():
                yield result(waiting.popleft())
        while waiting:
            yield result(waiting.popleft())
    finally:
        for future in waiting:
            future.cancel()


# --- a cluster -----------------------------------------------------------------------------------


def _on_cluster(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    scheduler: str,
    ahead: int,
) -> Generator[Result, None, None]:
    told = set[tuple[type[Warning], str]]()
    with _connected(scheduler, workers) as client:

        def result(future: Any) -> Result:
            outcome: tuple[Result, list[Warning]] = _outcome(client, future, scheduler)
            value, notes = outcome
            for note in notes:
                if (type(note), str(note)) not in told:
                    told.add((type(note), str(note)))
                    warnings.warn(note, stacklevel=2)
            return value

        _await_workers(client, scheduler)
        _check_software(client)
        # impure, as Dask calls it: two runs that share a cluster must not share their results
        yield from _in_order(
            items,
            lambda item: client.submit(_work, function, item, software(), pure=False),
            result,
            lambda: EACH * sum(client.nthreads().values()) + ahead,
        )


def _need_dask() -> None:
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise InputError("--scheduler: needs Dask, which is not installed: pip install "
                         "'snmc[dask]'") from error  # fmt: skip


@contextmanager
def _connected(scheduler: str, workers: int) -> Iterator["Client"]:
    """A client of the cluster; both are closed at the end, the cluster if it is ours."""
    _need_dask()
    from distributed import Client, LocalCluster

    if scheduler == LOCAL:
        with (
            _silent_dask(),
            LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                # no dashboard; what is left of it takes a free port, for 8787 may be in use
                scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
                memory_limit=0,  # as for threads: what the machine has
                silence_logs="CRITICAL",
                preload=[__name__],
            ) as cluster,
            Client(cluster, set_as_default=False) as client,
        ):
            yield client
        return
    with _silent_dask():
        try:
            client = Client(scheduler, timeout=CONNECT, set_as_default=False)
        except Exception as error:  # another kind of server may answer anything
            raise InputError(
                f"--scheduler: no Dask scheduler answers at {scheduler} within {CONNECT:g} s"
            ) from error
        with client:
            yield client


def dask_setup(worker: object) -> None:
    """Leave Ctrl-C to the process that started this one; Dask calls this as a worker starts."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _silent_dask() -> Iterator[None]:
    """Keep Dask's logs off the terminal: what matters of them is said by errors of ours."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _await_workers(client: "Client", scheduler: str) -> None:
    """Wait until there is a worker. Raises InputError when patience ends."""
    if client.nthreads():
        return
    print(
        f"snmc: {scheduler} has no workers; waiting for one, at most {PATIENCE:g} s",
        file=sys.stderr,
    )
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError as error:
        raise InputError(
            f"--scheduler: {scheduler} has had no workers for {PATIENCE:g} s; start some with: "
            f"dask worker {scheduler}"
        ) from error


def _outcome(client: "Client", future: Any, scheduler: str) -> Any:
    """What a piece of work gave, and its warnings; waits while workers come and go."""
    from distributed import KilledWorker

    try:
        while not future.done():
            with suppress(TimeoutError):
                return future.result(timeout=GLANCE)
            _await_workers(client, scheduler)
        return future.result()
    except CancelledError as error:
        raise InputError(f"--scheduler: lost the scheduler at {scheduler}") from error
    except KilledWorker as error:
        raise InputError(
            "--scheduler: several workers died one after the other at the same piece of work, "
            f"the last at {error.last_worker.address}; often memory is the cause: have fewer "
            "workers on a machine"
        ) from error


@cache
def software() -> tuple[str, ...]:
    """What decides a result beside its arguments: names and versions, the sources of snmc."""
    return (
        f"snmc {__version__} with sources {source_hash()}",
        f"Python {platform.python_version()}",
        *(f"{name} {version(name)}" for name in PACKAGES),
    )


def _check_software(client: "Client") -> None:
    """Ask the scheduler, and all workers that are there. Raises InputError."""
    try:
        client.run_on_scheduler(software)  # computes nothing, but passes the work on
    except Exception as error:
        raise InputError(f"--scheduler: the scheduler has not this snmc: {error}") from error
    for address, found in client.run(software, on_error="return").items():
        if isinstance(found, Exception):
            raise InputError(f"--scheduler: the worker at {address} has not this snmc: {found}")
        _compare(found, software(), f"the worker at {address}")


def _compare(found: Sequence[str], expected: Sequence[str], whose: str) -> None:
    for theirs, ours in zip(found, expected, strict=True):
        if theirs != ours:
            raise InputError(
                f"--scheduler: {whose} has {theirs}, this process has {ours}; install the same "
                "for both, and start the workers again"
            )


def _work(
    function: Callable[[Item], Result], item: Item, expected: tuple[str, ...]
) -> tuple[Result, list[Warning]]:
    """On a worker, perhaps one that came late: the result and the warnings given."""
    _compare(software(), expected, f"a worker on {gethostname()}")
    with heard() as notes:
        return function(item), notes


# --- warnings ------------------------------------------------------------------------------------

_notes: ContextVar[list[Warning] | None] = ContextVar("_notes", default=None)


@contextmanager
def heard() -> Iterator[list[Warning]]:
    """Keep the warnings of this thread in a list in place of showing them.

    `warnings.catch_warnings` would do so for all threads of a worker at once.
    """
    _listen()
    notes: list[Warning] = []
    token = _notes.set(notes)
    try:
        yield notes
    finally:
        _notes.reset(token)


@cache
def _listen() -> None:
    show = warnings.showwarning

    def keep(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        notes = _notes.get()
        if notes is None:
            show(message, category, *where, **more)
        else:
            notes.append(message if isinstance(message, Warning) else category(message))

    warnings.showwarning = keep
    warnings.simplefilter("always", PhysicsWarning)  # a worker serves many runs
