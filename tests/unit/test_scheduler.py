"""Work done in order on threads and on the workers of a cluster: results, errors, lost workers."""

import os
import signal
import socket
import sys
import threading
import time
import warnings
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

import pytest

from snmc.ground.errors import InputError, PhysicsError, PhysicsWarning
from snmc.run import scheduler
from snmc.run.scheduler import check_scheduler, ordered

distributed = pytest.importorskip("distributed")

WORKERS = 2


def processes(number):
    """Give a cluster of so many processes, at a free port."""
    return distributed.LocalCluster(
        n_workers=number, threads_per_worker=1, silence_logs="CRITICAL",
        scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def cluster():
    """Give a cluster of two processes that all tests share."""
    with processes(WORKERS) as started:
        yield started


@pytest.fixture
def address(cluster):
    """Give the address of its scheduler."""
    return cluster.scheduler_address


@pytest.fixture(params=["threads", "processes", "cluster"])
def place(request):
    """Give each place where work can be done, as `ordered` takes it."""
    places = {"threads": None, "processes": "local"}
    return places[request.param] if request.param in places else request.getfixturevalue("address")


@pytest.fixture(params=["processes", "cluster"])
def elsewhere(request):
    """Give each place outside this process where work can be done."""
    return "local" if request.param == "processes" else request.getfixturevalue("address")


# Pieces of work, found by the workers under the name of this module.


def slow_square(number):
    time.sleep(0.02 * (5 - number % 5))  # later ones are ready first
    return number**2


def warning(number):
    warnings.warn("good to a per cent", PhysicsWarning, stacklevel=1)
    if number == 3:
        warnings.warn("three", PhysicsWarning, stacklevel=1)
    return number


def raising(error, number):
    if number == 3:
        raise error
    return number


def process(number):
    time.sleep(0.05)
    return os.getpid()


def mortal(flag, number):
    """Kill the worker at the third piece, the first time it is tried."""
    if number == 3 and not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def listening(_):
    """Places, such as ports, where this process waits for others to connect."""
    own = {os.readlink(entry.path) for entry in os.scandir("/proc/self/fd") if entry.is_symlink()}
    found = []
    for kind, place, state, listens, inode in (
        ("tcp", 1, 3, "0A", 9), ("tcp6", 1, 3, "0A", 9), ("unix", 7, 3, "00010000", 6),
    ):  # fmt: skip
        for line in Path(f"/proc/self/net/{kind}").read_text().splitlines()[1:]:
            words = line.split()
            if words[state] == listens and f"socket:[{words[inode]}]" in own:
                found.append(f"{kind} {words[place:]}")
    time.sleep(0.05)
    return found


def deadly(number):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_the_order_of_items(place, workers):
    """Catches results in the order in which workers finish, or some left out at the end."""
    results = list(ordered(slow_square, range(17), workers=workers, scheduler=place))
    assert results == [number**2 for number in range(17)]
    assert list(ordered(slow_square, [], workers=workers, scheduler=place)) == []


def test_local_processes_are_started_and_ended():
    """Catches work left in this process, fewer workers than asked for, or some that stay."""
    found = set(ordered(process, range(12), workers=2, scheduler="local"))
    assert len(found) == 2
    assert os.getpid() not in found
    for pid in found:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.skipif(not Path("/proc/self/net/unix").exists(), reason="needs Linux")
def test_nobody_else_can_give_work_to_local_processes():
    """Catches a port, or a named socket, by which other users of the machine run code as us."""
    before = listening(None)
    results = ordered(listening, range(6), workers=2, scheduler="local")
    assert next(results) == []
    assert listening(None) == before
    assert [*results] == [[]] * 5
    with socket.create_server(("127.0.0.1", 0)):  # else the test would see nothing
        assert len(listening(None)) == len(before) + 1


def test_little_is_in_flight(place):
    """Catches a run that hands out all its work at once, and so fills the memory."""
    taken = 0

    def items():
        nonlocal taken
        while taken < 100:
            taken += 1
            yield taken

    for done, _ in enumerate(ordered(abs, items(), workers=WORKERS, scheduler=place), start=1):
        assert taken - done <= 2 * WORKERS


def test_the_rest_is_called_off(cluster, address):
    """Catches work that goes on, and results that stay on the cluster, after an interruption."""
    results = ordered(slow_square, range(1000), workers=WORKERS, scheduler=address)
    assert next(results) == 0
    assert cluster.scheduler.tasks
    results.close()
    deadline = time.monotonic() + 10
    while cluster.scheduler.tasks and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not cluster.scheduler.tasks


@pytest.mark.parametrize(
    "error", [InputError("card: wrong"), PhysicsError("no convergence"), TimeoutError("of its own")]
)
def test_errors_come_out_as_themselves(place, error):
    """Catches an error of the physics that ends in a traceback of Dask, or in waiting for ever."""
    results = ordered(partial(raising, error), range(9), workers=WORKERS, scheduler=place)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(type(error), match=str(error)):
        next(results)


def test_warnings_are_told_once(elsewhere):
    """Catches a limitation that stays on the worker, or is told for every piece of work.

    Twice: a worker serves many runs.
    """
    for _ in range(2):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            results = ordered(warning, range(8), workers=WORKERS, scheduler=elsewhere)
            assert list(results) == [*range(8)]
        assert [str(one.message) for one in told] == ["good to a per cent", "three"]
        assert {one.category for one in told} == {PhysicsWarning}


def test_a_lost_worker_is_survived(elsewhere, tmp_path):
    """Catches results lost, doubled or out of order where a worker was killed at its work."""
    work = partial(mortal, tmp_path / "killed")
    assert list(ordered(work, range(20), workers=WORKERS, scheduler=elsewhere)) == [*range(20)]
    assert (tmp_path / "killed").exists()


@pytest.mark.parametrize(
    ("where", "said"),
    [("local", "several processes died .* status -9"), ("cluster", "several workers .*127.0.0.1")],
)
def test_work_that_kills_every_worker_is_given_up(where, said):
    """Catches a run that starts workers for ever, each of which dies of the same work."""
    with ExitStack() as stack:
        place = where
        if where == "cluster":
            place = stack.enter_context(processes(1)).scheduler_address
        with pytest.raises(InputError, match=said):
            next(ordered(deadly, [1], workers=1, scheduler=place))


def test_other_software_is_refused(address, monkeypatch):
    """Catches events of two versions of the physics in one file."""
    monkeypatch.setattr(scheduler, "__version__", "9.9")
    scheduler.software.cache_clear()
    ours = scheduler.software()
    try:
        with pytest.raises(InputError, match=r"worker at tcp://.* has snmc .* has snmc 9\.9 with"):
            check_scheduler(address)
    finally:
        monkeypatch.undo()
        scheduler.software.cache_clear()
    # a worker that came after the check
    with pytest.raises(InputError, match=r"a worker on .* has snmc .* has snmc 9\.9 with"):
        scheduler._work(abs, 1, ours)


def test_nobody_answers(monkeypatch):
    """Catches a wait without end, or a traceback, for a wrong address."""
    monkeypatch.setattr(scheduler, "CONNECT", 0.3)
    with pytest.raises(InputError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9 with"):
        check_scheduler("tcp://127.0.0.1:9")


def test_somebody_listens_and_never_answers(monkeypatch):
    """Catches a wait of minutes for a port at which something else than a scheduler listens."""
    monkeypatch.setattr(scheduler, "CONNECT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        done = threading.Event()

        def check():
            with suppress(InputError):
                check_scheduler(address)
            done.set()

        threading.Thread(target=check, daemon=True).start()
        assert done.wait(30)
        with pytest.raises(InputError, match=f"no Dask scheduler answers at {address} within 0.3"):
            check_scheduler(address)


def test_a_cluster_without_workers(monkeypatch, capsys):
    """Catches a silent wait without end; and one that is not ended when a worker comes."""
    with processes(0) as empty:
        address = empty.scheduler_address
        monkeypatch.setattr(scheduler, "PATIENCE", 0.3)
        with pytest.raises(InputError, match=rf"{address} has had no workers for 0\.3 s"):
            next(ordered(abs, [-1], workers=1, scheduler=address))
        assert (
            f"{address} has no workers; waiting for one, at most 0.3 s" in capsys.readouterr().err
        )
        monkeypatch.setattr(scheduler, "PATIENCE", 30.0)
        late = threading.Timer(0.3, empty.scale, [1])
        late.start()
        assert list(ordered(abs, [-1], workers=1, scheduler=address)) == [1]
        late.join()


def test_dask_is_not_installed(monkeypatch):
    """Catches a traceback where the optional package is missing."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'snmc\[dask\]'"):
        check_scheduler("tcp://host:8786")
    check_scheduler(None)
    check_scheduler("local")
    assert list(ordered(abs, [-1], workers=1, scheduler="local")) == [1]
