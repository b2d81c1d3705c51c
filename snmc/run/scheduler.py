"""Where work is done: on threads of this process, on processes of its own, or by a Dask cluster.

A piece of work is a pure function of a small argument, so it may be done anywhere, and again where
a worker was lost: the results are the same, in the same order.
"""

import asyncio
import logging
import multiprocessing
import pickle
import platform
import signal
import sys
import threading
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from contextvars import ContextVar
from functools import cache, partial
from importlib.metadata import version
from queue import SimpleQueue
from socket import gethostname
from typing import TYPE_CHECKING, Any, TypeVar

from snmc import __version__
from snmc.ground.cache import source_hash
from snmc.ground.errors import InputError, PhysicsWarning

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from distributed import Client

Item = TypeVar("Item")
Result = TypeVar("Result")

LOCAL = "local"  # in place of an address: processes of this machine
CONNECT = 10.0  # s to reach a scheduler
PATIENCE = 300.0  # s that a cluster may be without any worker
GLANCE = 5.0  # s after which one looks whether there are still workers
DEATHS = 4  # processes that may die at one piece of work, as Dask's workers
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
    if scheduler == LOCAL:
        return _on_processes(function, items, workers, ahead)
    return _on_cluster(function, items, scheduler, ahead)


def check_scheduler(scheduler: str | None) -> None:
    """Connect for a moment, so that a wrong address is known before anything is computed.

    `scheduler` as for `ordered`. Raises InputError if it cannot be used.
    """
    if scheduler not in (None, LOCAL):
        with _connected(scheduler) as client:
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


# --- processes of this machine -------------------------------------------------------------------


class _Process:
    """A process that does one piece of work at a time.

    Its pipe has neither a port nor a name, so nobody else can give it work.
    """

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()

    def work(self, work: tuple[Callable[[Item], Result], Item]) -> tuple[Result, list[Warning]]:
        """Do a piece of work there, and raise what it raises; EOFError or OSError if it dies."""
        self.pipe.send(work)
        result, notes, error = self.pipe.recv()
        if error is not None:
            raise _Raised(error)
        return result, notes

    def end(self) -> None:
        self.process.kill()
        self.process.join()


class _Raised(Exception):  # noqa: N818  (it carries an error)
    """What a piece of work raised, told apart from what befell its process."""


def _serve(pipe: "Connection") -> None:
    """Do what comes through the pipe, in a process of its own, until the other end is closed."""
    from tqdm import tqdm

    tqdm.set_lock(threading.RLock())  # else a semaphore of the system is left when it is killed
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # left to the process that started this one
    with suppress(EOFError, OSError):
        while True:
            function, item = pipe.recv()
            with heard() as notes:
                answer: Any
                try:
                    answer = function(item), notes, None
                except Exception as error:
                    error.add_note("".join(traceback.format_exception(error)))
                    answer = None, notes, error
            try:
                pipe.send(answer)
            except (TypeError, AttributeError, pickle.PicklingError) as error:
                pipe.send((None, notes, error))


class _Processes:
    """So many processes, each begun when there is work for it and anew when it has died."""

    def __init__(self, number: int) -> None:
        self._threads = ThreadPoolExecutor(number)  # each waits for a process
        self._idle: SimpleQueue[_Process | None] = SimpleQueue()
        for _ in range(number):
            self._idle.put(None)
        self._living: set[_Process] = set()
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, function: Callable[[Item], Result], item: Item) -> Any:
        return self._threads.submit(self._work, (function, item))

    def _work(self, work: tuple[Callable[[Item], Result], Item]) -> Any:
        process = self._idle.get()
        try:
            for _ in range(DEATHS):
                process = process or self._begin()
                with suppress(EOFError, OSError):
                    return process.work(work)
                self._end(process)
                status, process = process.process.exitcode, None
        finally:
            self._idle.put(process)
        raise InputError(
            "--scheduler: several processes died one after the other at the same piece of work, "
            f"the last with status {status}; often memory is the cause: have fewer workers"
        )

    def _begin(self) -> _Process:
        with self._lock:
            if self._closed:
                raise CancelledError
            process = _Process()
            self._living.add(process)
            return process

    def _end(self, process: _Process) -> None:
        process.end()
        process.pipe.close()
        with self._lock:
            self._living.discard(process)

    def close(self) -> None:
        """End all processes, whatever they are at."""
        with self._lock:
            self._closed = True
            for process in self._living:
                process.end()  # what waits for it finds the pipe at its end
        self._threads.shutdown(cancel_futures=True)
        for process in self._living:
            process.pipe.close()


def _on_processes(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int, ahead: int
) -> Generator[Result, None, None]:
    told = _Told()

    def result(future: Any) -> Result:
        try:
            value: Result = told.of(*future.result())
            return value
        except _Raised as error:
            raise error.args[0] from None

    with closing(_Processes(workers)) as processes:
        yield from _in_order(
            items, partial(processes.submit, function), result, lambda: workers + ahead
        )


class _Told:
    """Gives the warnings of pieces of work, each once."""

    def __init__(self) -> None:
        self._texts: set[tuple[type, str]] = set()

    def of(self, value: Result, notes: Iterable[Warning]) -> Result:
        """The result of a piece of work, after its warnings."""
        for note in notes:
            if (type(note), str(note)) not in self._texts:
                self._texts.add((type(note), str(note)))
                warnings.warn(note, stacklevel=3)
        return value


# --- a cluster -----------------------------------------------------------------------------------


def _on_cluster(
    function: Callable[[Item], Result], items: Iterable[Item], scheduler: str, ahead: int
) -> Generator[Result, None, None]:
    told = _Told()
    with _connected(scheduler) as client:
        _await_workers(client, scheduler)
        _check_software(client)
        # impure, as Dask calls it: two runs that share a cluster must not share their results
        yield from _in_order(
            items,
            lambda item: client.submit(_work, function, item, software(), pure=False),
            lambda future: told.of(*_outcome(client, future, scheduler)),
            lambda: EACH * sum(client.nthreads().values()) + ahead,
        )


def _need_dask() -> None:
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise InputError("--scheduler: needs Dask, which is not installed: pip install "
                         "'snmc[dask]'") from error  # fmt: skip


@contextmanager
def _connected(scheduler: str) -> Iterator["Client"]:
    """A client of the cluster, closed at the end. Raises InputError if none answers in time."""
    _need_dask()
    from distributed import Client, Security
    from distributed.comm import connect

    async def answers() -> None:
        # connect() alone waits for ever for a word of whoever listens there
        security = Security().get_connection_args("client")
        comm = await asyncio.wait_for(connect(scheduler, timeout=CONNECT, **security), CONNECT)
        comm.abort()

    with _silent_dask():
        try:
            with ThreadPoolExecutor(1) as thread:  # this one may have a loop, as in notebooks
                thread.submit(asyncio.run, answers()).result()
            client = Client(scheduler, timeout=CONNECT, set_as_default=False)
        except Exception as error:  # another kind of server may answer anything
            raise InputError(
                f"--scheduler: no Dask scheduler answers at {scheduler} within {CONNECT:g} s"
            ) from error
        with client:
            yield client


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
