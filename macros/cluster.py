"""Run snmc on the jobs of a batch system: start them, run one command on them, end them.

    python macros/cluster.py slurm --jobs 20 --cores 8 --memory 16GB --option walltime=02:00:00 \
        -- run macros/sn1987a-gamma.toml -o events.root

What follows -- is a command of snmc that takes --scheduler; the address is added here. Start it
where jobs can be submitted and that their machines can reach. `local` starts the jobs as processes
of this machine, to try it. Needs `pip install 'snmc[cluster]'`. See docs/cluster.md.
"""

import argparse
import subprocess
import sys

import dask
from dask_jobqueue import HTCondorCluster, SLURMCluster
from dask_jobqueue.local import LocalCluster

CLUSTERS = {"slurm": SLURMCluster, "htcondor": HTCondorCluster, "local": LocalCluster}
NEEDED = {"htcondor": {"disk": "2GB"}}  # what dask-jobqueue asks for beside cores and memory
LOST_WORKERS = 20  # at one piece of work: batch systems end jobs for reasons of their own


def main() -> int:
    """Start the jobs, run the command, and give its status."""
    arguments = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], usage="%(prog)s BATCH_SYSTEM [OPTIONS] -- COMMAND ..."
    )
    arguments.add_argument("batch_system", choices=CLUSTERS)
    arguments.add_argument("--jobs", type=int, default=2, help="how many jobs")
    arguments.add_argument("--cores", type=int, default=1, help="of a job; one process each")
    arguments.add_argument("--memory", default="2GB", help="of a job; 1 to 2 GB a process")
    arguments.add_argument(
        "--option", action="append", default=[], metavar="KEY=TEXT",
        help="what else the cluster of dask-jobqueue takes: queue, account, walltime, disk, "
        "interface, ...; may be repeated",
    )  # fmt: skip
    arguments.add_argument("command", nargs="+", help="of snmc, after --")
    chosen = arguments.parse_args()
    options = NEEDED.get(chosen.batch_system, {}) | dict(
        option.partition("=")[::2] for option in chosen.option
    )
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": LOST_WORKERS}),
        CLUSTERS[chosen.batch_system](
            cores=chosen.cores,
            processes=chosen.cores,
            memory=chosen.memory,
            scheduler_options={"dashboard_address": ":0"},  # 8787 may be another user's
            **options,
        ) as cluster,
    ):
        cluster.scale(jobs=chosen.jobs)
        address = cluster.scheduler_address
        print(f"scheduler at {address}, its dashboard at {cluster.dashboard_link}", flush=True)
        cluster.wait_for_workers(1)  # however long the jobs stand in the queue
        command = [sys.executable, "-m", "snmc", *chosen.command, "--scheduler", address]
        try:
            return subprocess.run(command, check=False).returncode
        except KeyboardInterrupt:  # the command has been told too, and says how to go on
            return 130


if __name__ == "__main__":
    sys.exit(main())
