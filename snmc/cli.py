"""The command line. Nothing heavy is imported before a command needs it: help must be instant.

Exit status: 0 success, 1 a check failed, 2 bad input, 130 interrupted.
"""

import os
import re
import shlex
import signal
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from snmc import __version__
from snmc.ground.errors import InputError, PhysicsError, PhysicsWarning
from snmc.ground.text import printable

if TYPE_CHECKING:
    from snmc.roles.generator import Generator, Parameter, Switch
    from snmc.run.card import RunCard

SUCCESS, CHECK_FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
BROKEN_PIPE = 141  # 128 + SIGPIPE, as the shell reports it
ROOT_MAGIC = b"root"  # the first four bytes of every ROOT file
PICTURES = (".png", ".pdf", ".svg")
DASK_ADDRESS = r"(?:(?:tcp|tls|ws|wss)://)?[^/\s]+:\d+"

Command = Callable[..., Any]
Changes = tuple[tuple[str, ...], tuple[str, ...]]  # of a card: KEY=VALUE, keys taken out


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command `snmc` and exit.

    `arguments`: what follows `snmc` on the line (default: of this process). Errors of the user
    end in one line on stderr and status 2; errors of ours are let through.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    with warnings.catch_warnings():
        if not sys.warnoptions:
            warnings.simplefilter("default", PhysicsWarning)
        warnings.showwarning = _show_once()
        sys.exit(_status(arguments))


def _status(arguments: list[str]) -> int:
    try:
        # not snmc.main(), which would answer Ctrl-C with words of its own
        with snmc.make_context("snmc", arguments or ["--help"]) as context:
            outcome = snmc.invoke(context)
        sys.stdout.flush()
        return outcome if isinstance(outcome, int) else SUCCESS
    except click.exceptions.Exit as end:  # after --help and --version
        return end.exit_code
    except click.ClickException as error:
        return _complain(error.format_message())
    except InputError as error:
        return _complain(*error.messages)
    except PhysicsError as error:
        return _complain(str(error))
    except KeyboardInterrupt:
        _say(f"snmc: interrupted{_how_to_resume(arguments)}", err=True)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has seen enough, as in `snmc show | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except OSError as error:
        named = f"{error.filename}: " if error.filename is not None else ""
        return _complain(f"{named}{error.strerror or error}")


def _say(text: str, err: bool = False) -> None:
    """Print text, whatever it holds: nothing that a terminal would obey or could not write."""
    encoding = (sys.stderr if err else sys.stdout).encoding
    with _printing():
        click.echo(printable(text).encode(encoding, "backslashreplace").decode(encoding), err=err)


@contextmanager
def _printing() -> Iterator[None]:
    """Name what the system's errors of a full disk are of."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from error


def _complain(*messages: str) -> int:
    for text in messages:
        _say(f"snmc: error: {' '.join(text.split())}", err=True)
    return BAD_INPUT


def _how_to_resume(arguments: list[str]) -> str:
    if arguments[:1] not in (["run"], ["scan"], ["limit"]):
        return ""
    again = [word for word in arguments if word not in ("--overwrite", "--resume")]
    return f"; go on with: {shlex.join(['snmc', *again, '--resume'])}"


def _terminate(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _show_once() -> Callable[..., None]:
    """What shows warnings in one line, the same line once, whichever part of the work it is of."""
    told = set[str]()

    def show(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        own = category is UserWarning or issubclass(category, PhysicsWarning)
        kind = "" if own else f"{category.__name__}: "
        line = f"snmc: warning: {kind}{' '.join(str(message).split())}"
        if line not in told:
            told.add(line)
            _say(line, err=True)

    return show


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="snmc %(version)s")
def snmc() -> None:
    """Simulate events of new particles born in core-collapse supernovae.

    A run card (TOML) says what to simulate; `snmc run CARD` writes the events to a ROOT file.
    """


def _no_events(context: click.Context, argument: click.Parameter, value: Path) -> Path:
    """Refuse a file of events, or a grid, where a card is needed."""
    if _is_root_file(value):
        raise InputError(
            f"{value}: found a ROOT file; needs a card. `snmc show {value}` tells what is in the "
            f"file, `snmc plot {value}` draws it"
        )
    return value


def _card(command: Command) -> Command:
    return click.argument("card", type=click.Path(path_type=Path), callback=_no_events)(command)


def _changes(command: Command) -> Command:
    """Options that change the card, given to the command as one argument `changes`."""

    @click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="KEY=VALUE",
        help='Change a value of the card, such as generator.mass="50 MeV". May be repeated.',
    )
    @click.option(
        "--unset",
        "removed",
        multiple=True,
        metavar="KEY",
        help="Take a key out of the card, before --set puts others in. May be repeated.",
    )
    @wraps(command)
    def changed(settings: tuple[str, ...], removed: tuple[str, ...], **options: Any) -> Any:
        return command(changes=(settings, removed), **options)

    return changed


def _workers(command: Command) -> Command:
    return click.option(
        "--workers",
        type=click.IntRange(min=1, max=1024),
        metavar="N",
        help="Threads (or processes of --scheduler) to work with (default: as the card says, "
        "else one a core).",
    )(command)


def _address(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Refuse what is no address: without one the option may have taken the card for it."""
    if value not in (None, "local") and not re.fullmatch(DASK_ADDRESS, value or ""):
        raise InputError(
            f"--scheduler: found '{value}'; needs the address of a Dask scheduler, such as "
            "tcp://host:8786, or nothing: put it behind the card then"
        )
    return value


def _scheduler(command: Command) -> Command:
    return click.option(
        "--scheduler",
        is_flag=False,
        flag_value="local",
        callback=_address,
        metavar="[ADDRESS]",
        help="Work on the Dask cluster whose scheduler is at ADDRESS (tcp://host:8786); without "
        "ADDRESS, on processes of this machine: write it behind CARD then.",
    )(command)


def _quiet(command: Command) -> Command:
    return click.option("--quiet", is_flag=True, help="Show no progress.")(command)


def _output(help_text: str) -> Callable[[Command], Command]:
    return click.option(
        "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help=help_text
    )


@snmc.command()
@_card
@_changes
@_workers
@click.option("--resume", is_flag=True, help="Go on with an interrupted run.")
@click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
@_scheduler
@_quiet
@_output("The ROOT file to write, in place of the card's.")
def run(
    card: Path,
    changes: Changes,
    workers: int | None,
    scheduler: str | None,
    resume: bool,
    overwrite: bool,
    quiet: bool,
    output: Path | None,
) -> None:
    """Simulate the events of CARD and write them to a ROOT file."""
    if resume and overwrite:
        raise InputError("found --resume and --overwrite; give one of them")
    signal.signal(signal.SIGTERM, _terminate)  # batch systems end a job so
    checked = _load(card, changes, output)

    from snmc.run import pipeline

    summary = pipeline.run(
        checked,
        workers=workers or checked.run.workers,
        scheduler=scheduler,
        resume=resume,
        overwrite=overwrite,
        quiet=quiet,
    )
    _say(summary.text())
    if summary.faint:
        from snmc.judgement import prospects

        _say(prospects.text_of(checked, summary.faint))


@snmc.command()
@_card
@_changes
@_workers
@_scheduler
@click.option("--resume", is_flag=True, help="Go on with an interrupted scan.")
@click.option("--overwrite", is_flag=True, help="Replace a grid that is there.")
@_quiet
@_output("The ROOT file of the grid, in place of the card's.")
def scan(
    card: Path,
    changes: Changes,
    workers: int | None,
    scheduler: str | None,
    resume: bool,
    overwrite: bool,
    quiet: bool,
    output: Path | None,
) -> None:
    """Fill the grid of CARD with expected counts, by mass and coupling."""
    if resume and overwrite:
        raise InputError("found --resume and --overwrite; give one of them")
    signal.signal(signal.SIGTERM, _terminate)
    settings, removed = changes
    if output is not None:
        settings = (*settings, f"scan.output={_quoted(output)}")

    from snmc.judgement.scan import run_scan, summary
    from snmc.run.scan_card import load_scan

    checked = load_scan(card, settings, removed)
    grid = run_scan(
        checked,
        workers=workers or checked.workers,
        scheduler=scheduler,
        resume=resume,
        overwrite=overwrite,
        quiet=quiet,
    )
    _say(summary(grid, checked.output))


@snmc.command()
@_card
@_changes
@_workers
@_quiet
def validate(card: Path, changes: Changes, workers: int | None, quiet: bool) -> int:
    """Compare the events of CARD with the analytic flux.

    Status 1 if they differ by more than chance explains (p < 1e-4).
    """
    checked = _load(card, changes)

    from snmc.judgement.validation import validate as compare

    validation = compare(checked, workers=workers or checked.run.workers, quiet=quiet)
    _say(validation.text())
    return SUCCESS if validation.passed else CHECK_FAILED


@snmc.command()
@_card
@_changes
@_workers
@click.option("--resume", is_flag=True, help="Go on with an interrupted scan.")
@click.option("--overwrite", is_flag=True, help="Replace files of another scan.")
@click.option(
    "--toys",
    type=click.IntRange(min=1, max=10**9),
    metavar="N",
    help="Simulated observations from which to tell the coverage.",
)
@_scheduler
@_quiet
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="NAME",
    help="Name of what is written: NAME.png (or with .pdf or .svg at its end), NAME.csv, NAME.json "
    "and NAME.grid.root (default: the card's name, here).",
)
def limit(
    card: Path,
    changes: Changes,
    workers: int | None,
    resume: bool,
    overwrite: bool,
    toys: int | None,
    scheduler: str | None,
    quiet: bool,
    output: Path | None,
) -> None:
    """Draw the region that CARD excludes, from its scan, and write it as a table.

    Scans first if there is no grid of the card yet.
    """
    if resume and overwrite:
        raise InputError("found --resume and --overwrite; give one of them")
    signal.signal(signal.SIGTERM, _terminate)  # batch systems end a job so

    from snmc.run.scan_card import load_scan

    checked = load_scan(card, *changes)

    from snmc.judgement.limit import run_limit

    found = run_limit(
        checked,
        output,
        workers=workers or checked.workers,
        scheduler=scheduler,
        resume=resume,
        overwrite=overwrite,
        quiet=quiet,
        toys=toys,
    )
    _say(found.text())


@snmc.command()
@click.argument("source", metavar="FILE|CORE")
@_output("The picture to write (.png, .pdf or .svg; default: NAME.png here).")
def plot(source: str, output: Path | None) -> None:
    """Draw the events of a ROOT file, the grid of a scan, or a supernova core."""
    is_file = _is_root_file(Path(source))
    if not is_file and _looks_like_root(source):
        raise InputError(_no_root_file(Path(source)))
    if Path(source).suffix == ".toml" and Path(source).is_file():
        raise InputError(
            f"{source}: found a card; needs a ROOT file or a core. `snmc run {source}` writes the "
            "file of its events, `snmc scan` that of a grid, and `snmc limit` draws a limit"
        )
    stem = Path(source).name.removesuffix(".part").removesuffix(".root")
    picture = output or Path(f"{stem}.png")
    if picture.suffix not in PICTURES:
        raise InputError(
            f"--output: found '{picture}'; needs a file that ends in {', '.join(PICTURES)}"
        )
    if not picture.absolute().parent.is_dir():
        raise InputError(f"--output: found '{picture}'; there is no folder '{picture.parent}'")

    from snmc.ground.files import locked
    from snmc.judgement import plots
    from snmc.judgement.grid import is_grid

    with locked(picture):
        if is_file and is_grid(Path(source)):
            from snmc.judgement.grid_plots import plot_grid

            plot_grid(Path(source), picture)
        elif is_file:
            plots.plot_file(Path(source), picture)
        else:
            plots.plot_core(source, picture)
    _say(f"wrote {picture}")


@snmc.command()
@click.argument("source", metavar="FILE|CARD", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Write JSON, for programs.")
@click.option("--csv", "as_csv", is_flag=True, help="Write the numbers of a grid as a table.")
@click.option(
    "--check",
    is_flag=True,
    help="Hold all of a ROOT file against its checksums; status 1 if it is damaged.",
)
@_changes
def show(source: Path, as_json: bool, as_csv: bool, check: bool, changes: Changes) -> int:
    """Tell what a ROOT file holds, events or a grid, or what a run card would emit."""
    if check:
        return _check(source, alone=not (as_json or as_csv or any(changes)))
    is_file = _is_root_file(source)
    if not is_file and _looks_like_root(source.name):
        raise InputError(_no_root_file(source))
    if is_file and any(changes):
        option = "--set" if changes[0] else "--unset"
        raise InputError(
            f"{option}: found with the ROOT file '{source}'; only a card can be changed"
        )
    if as_csv:
        if as_json:
            raise InputError("found --csv and --json; give one of them")
        _write_table(source)
        return SUCCESS
    checked = None if is_file else _load(source, changes)

    from snmc.judgement import grid, report

    text: Callable[[Any], str]
    if checked is not None:
        told, text = report.show_card(checked), report.text_of
    elif grid.is_grid(source):
        from snmc.judgement.scan import summary

        told = grid.grid_report(source)

        def text(told: Any) -> str:
            return f"{summary(grid.load_grid(source), source)}\n{report.grid_text(told)}"
    else:
        told, text = report.show_file(source), report.file_text
    if as_json:
        import json

        _say(json.dumps(told, indent=2, allow_nan=False))
    else:
        _say(text(told))
    return SUCCESS


def _check(source: Path, alone: bool) -> int:
    """Hold a ROOT file against its checksums and tell whether it is whole."""
    if not alone:
        raise InputError("--check: found with other options; give it alone")
    if not source.exists():
        raise InputError(f"{source}: file not found")

    from snmc.ground.root_file import DamageError
    from snmc.judgement import grid
    from snmc.run.event_file import check_events

    try:
        if grid.is_grid(source):
            grid.check_grid(source)
        else:
            check_events(source)
    except DamageError as error:
        _complain(str(error))
        return CHECK_FAILED
    _say(f"{source}: as it was written")
    return SUCCESS


def _write_table(source: Path) -> None:
    """Write the numbers of a grid as CSV."""
    import csv

    from snmc.judgement.grid import is_grid, load_grid
    from snmc.judgement.grid_table import table_of

    if not (_is_root_file(source) and is_grid(source)):
        raise InputError(f"--csv: found with '{source}'; needs the file of a grid")
    rows = table_of(load_grid(source))
    with _printing():
        csv.writer(sys.stdout, lineterminator="\n").writerows(rows)
        sys.stdout.flush()


@snmc.command()
@click.argument("name", required=False)
def generators(name: str | None) -> None:
    """List the physics models, or describe the one called NAME."""
    from snmc.roles import registry

    if name is None:
        _say(_columns((key, model.title) for key, model in registry.generators().items()))
    else:
        _say(_description(registry.find_generator(name)))


@snmc.command()
@click.argument("names", nargs=-1, metavar="[NAME|PATH]...")
def detectors(names: tuple[str, ...]) -> int:
    """List the detectors, or check and describe some.

    Those to describe are given by name or by the path of a card; status 2 if a card is wrong.
    """
    from snmc.roles import registry

    status = SUCCESS
    found = {}
    for name in names or registry.detector_cards():
        try:
            found[name] = registry.find_detector(name, Path.cwd())
        except InputError as error:  # the others are checked all the same
            status = _complain(*error.messages)
    if names:
        _say("\n\n".join(detector.describe() for detector in found.values()))
    else:
        _say(_columns((name, detector.title) for name, detector in found.items()))
    return status


@snmc.command()
@click.argument("source", required=False, metavar="[NAME|PATH]")
def cores(source: str | None) -> None:
    """List the supernova cores that a card can name, or describe one.

    Of a file or folder it tells the format, times, radii and masses, and of every column whether it
    was read or filled in, how, and its range.
    """
    from snmc.core import describe_core, list_cores

    _say(_columns(list_cores()) if source is None else describe_core(source))


@snmc.command()
@click.argument("name", required=False)
def example(name: str | None) -> None:
    """List the cards that come with snmc, or print the one called NAME.

    To start a card of your own: snmc example NAME > my-card.toml
    """
    from snmc.run import examples

    if name is None:
        _say(_columns(examples.example_titles().items()))
    else:
        _say(examples.example(name).removesuffix("\n"))


def _load(card: Path, changes: Changes, output: Path | None = None) -> "RunCard":
    from snmc.run.card import load_card

    settings, removed = changes
    if output is not None:
        settings = (*settings, f"run.output={_quoted(output)}")
    return load_card(card, settings, removed)


def _quoted(path: Path) -> str:
    """A path as TOML text, which JSON text is."""
    import json

    return json.dumps(str(path), ensure_ascii=False)


def _is_root_file(path: Path) -> bool:
    """Whether a file is a ROOT file by its first bytes; False where there is no file."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(ROOT_MAGIC)) == ROOT_MAGIC


def _looks_like_root(name: str) -> bool:
    return name.removesuffix(".part").endswith(".root")


def _no_root_file(path: Path) -> str:
    return f"{path}: " + ("found no ROOT file in it" if path.exists() else "file not found")


def _columns(rows: Iterable[tuple[str, str]]) -> str:
    rows = list(rows)
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"{name:<{width}}  {text}" for name, text in rows)


def _description(model: "type[Generator]") -> str:
    """Write what a model declares: every key of its `[generator]` table, and its references."""
    lines = [f"{model.name}: {model.title}", "", "parameters"]
    lines += [f"  {line}" for line in _columns(map(_parameter, model.parameters)).splitlines()]
    if model.switches:
        lines += ["", "switches"]
        lines += [f"  {line}" for line in _columns(map(_switch, model.switches)).splitlines()]
    if model.files:
        lines += ["", "files"]
        lines += [
            f"  {line}"
            for line in _columns((file.name, file.meaning) for file in model.files).splitlines()
        ]
    return "\n".join([*lines, "", "references", *(f"  {text}" for text in model.references)])


def _parameter(parameter: "Parameter") -> tuple[str, str]:
    unit = f"[{parameter.unit}] " if parameter.unit else ""
    missing = ", optional" if parameter.optional else ""
    if parameter.default is not None:
        missing = f"; default {parameter.default:g}"
    span = f"{parameter.low:g} to {parameter.high:g}"
    return parameter.name, f"{unit}{parameter.meaning} ({span}{missing})"


def _switch(switch: "Switch") -> tuple[str, str]:
    default = switch.default if isinstance(switch.default, str) else ", ".join(switch.default)
    kind = "some of " if switch.many else ""
    allowed = ", ".join(switch.allowed)
    return switch.name, f"{switch.meaning} ({kind}{allowed}; default {default})"
