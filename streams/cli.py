"""The command line, `millrace`. Each command imports what it needs when it is called, so that `millrace --help` is quick."""

import contextlib
import os
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from streams.errors import ConfigError, MillraceError

__all__ = ["app", "main"]

app = typer.Typer(
    name="millrace",
    help="A trading platform that is a dataflow on Kafka. Start with `millrace demo`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
recording_app = typer.Typer(help="Look into recordings of market data.", no_args_is_help=True)
app.add_typer(recording_app, name="recording")

TopologyFile = Annotated[str, typer.Argument(metavar="TOPOLOGY", help="topology file, such as topologies/demo.yaml")]
TopologyOption = Annotated[str, typer.Option("--topology", "-t", metavar="FILE", help="topology file")]
Plain = Annotated[
    bool, typer.Option("--plain", help="agents as plain Python, not machine code: the same records, slower; a fault shows its line")
]
Target = Annotated[str, typer.Argument(metavar="[TARGET]", help="scope, instrument or strategy, such as desk:crypto; all by default")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="who asks and why; it is kept with the command")]
Recordings = Annotated[
    list[str] | None,
    typer.Option("--recording", metavar="[VENUE=]FILE", help="recording to play; may be given several times"),
]
From = Annotated[str, typer.Option("--from", metavar="TIME", help="what was received from then on, such as 2024-08-08T23:55 (UTC)")]
Until = Annotated[str, typer.Option("--to", metavar="TIME", help="and before then")]
MoreRecordings = Annotated[
    list[str] | None, typer.Argument(metavar="[FILE]...", help="more recordings, so that --recording data/*.gz means all of them")
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="over what the topology says: strategy.gamma=0.2, maker.gamma=0.2, or any path; repeatable"
    ),
]


@app.command()
def up() -> None:
    """Start broker, registry and ClickHouse in the background, and wait until each answers."""
    from streams.local import services

    services.up(_say)


@app.command()
def status() -> None:
    """Show each service, and the processes of a run."""
    from streams.commands.status import show

    show(_say)


@app.command()
def doctor(json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False) -> None:
    """Say what this host offers, what it costs not to have it, and what to do. Changes nothing; status 1 where something cannot work."""
    from streams.commands.doctor import doctor as examine

    raise typer.Exit(examine(json, _say))


@app.command()
def down(purge: Annotated[bool, typer.Option("--purge", help="remove data and logs too")] = False) -> None:
    """Stop a run, then every service of this checkout."""
    from streams.commands.status import stop

    stop(purge, _say)


@app.command()
def apply(topology: TopologyFile) -> None:
    """Create topics, subjects and tables that are missing; write names, shards, instruments, limits and parameters that are new."""
    from streams.commands.deploy import apply_file

    apply_file(topology, _say)


@app.command()
def run(
    topology: TopologyFile,
    fresh: Annotated[bool, typer.Option("--fresh", help="open a new run: agents and simulated venue start empty")] = False,
    recording: Recordings = None,
    speed: Annotated[float, typer.Option(min=0.01, max=10_000, help="recorded seconds per second")] = 1.0,
    plain: Plain = False,
) -> None:
    """Run all processes of a topology, until Ctrl-C or the end of the recording."""
    from streams.commands.deploy import run_file

    _set_plain(plain)
    run_file(topology, fresh, tuple(recording or ()), speed, _say)


@app.command()
def kill(target: Target = "", reason: Reason = "") -> None:
    """Stop trading: everything, or what is named. Cancels what is open; needs the broker only, a fast lane not even that."""
    from streams.commands.kill import give
    from streams.records import CommandType

    give(CommandType.KILL, target, reason or "millrace kill", _say)


@app.command()
def resume(target: Target = "", reason: Reason = "") -> None:
    """Let what was stopped trade again, and set back the breakers that tripped there."""
    from streams.commands.kill import give
    from streams.records import CommandType

    give(CommandType.RESUME, target, reason or "millrace resume", _say)


@app.command()
def process(
    name: Annotated[str, typer.Argument(metavar="NAME", help="process or shell: market, trade, feed, gateway, venue, sink ...")],
    topology: TopologyOption,
    shard: Annotated[int, typer.Option(min=0, help="shard that this instance has")] = 0,
    recording: Recordings = None,
    plain: Plain = False,
) -> None:
    """Run one process of a topology in the foreground, as a container would."""
    from streams.commands.deploy import run_process

    _set_plain(plain)
    raise typer.Exit(run_process(topology, name, shard, tuple(recording or ())))


@app.command()
def demo(topology: Annotated[str, typer.Argument(metavar="[TOPOLOGY]", help="topology file")] = "") -> None:
    """Set everything up, trade on a recording, and say what came of it.

    MILLRACE_RECORDING names the recordings, separated by commas (default: a synthetic market);
    MILLRACE_SPEED how fast they are played (default: about 1,500 frames a second, at most 20 times as fast as recorded).
    """
    from streams.commands.demo import demo as run_demo

    raise typer.Exit(run_demo(topology, _say))


@app.command()
def tail(
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="topic, such as fills.v1")],
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="show the last so many records of each partition first")] = 10,
    from_beginning: Annotated[bool, typer.Option("--from-beginning", help="show all that the topic holds")] = False,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="go on with new records until Ctrl-C")] = False,
) -> None:
    """Print the records of a topic, decoded, as JSON lines."""
    from streams.commands.tail import tail as show

    show(topic, lines, from_beginning, follow, _say)


@app.command()
def strategy(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="strategy of the topology; all by default")] = "",
    json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Show the parameters, state, positions and timers of running strategies, at most a second old."""
    from streams.commands.strategy import show

    show(name, json, _say)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="a query, such as 'select * from fills limit 5'")],
    format: Annotated[str, typer.Option("--format", help="any output format of ClickHouse: PrettyCompact, TSV, JSONEachRow ...")] = "",
) -> None:
    """Ask ClickHouse."""
    from streams.commands.query import query as ask

    ask(sql, format)


@app.command()
def lineage(
    id: Annotated[
        str, typer.Argument(metavar="ID", help="id of a record, writer:sequence, as in `select toString(id)` or the demo's summary")
    ],
) -> None:
    """Walk from a record back to the frame that caused it, by cause_id."""
    from streams.commands.lineage import lineage as walk

    walk(id, _say)


@app.command()
def verify(
    topology: TopologyFile,
    process: Annotated[str, typer.Option("--process", metavar="NAME", help="one process; all by default")] = "",
    run: Annotated[int | None, typer.Option("--run", min=1, help="number of the run; the last by default")] = None,
    from_time: Annotated[
        str, typer.Option("--from", metavar="TIME", help="compare from this time of the run on, such as 2024-08-08T23:55 (UTC)")
    ] = "",
    to_time: Annotated[str, typer.Option("--to", metavar="TIME", help="up to this time, not with it")] = "",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="another limit or parameter, such as strategy.gamma=0.2; may be repeated"),
    ] = None,
    plain: Plain = False,
    json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Execute the journals of a run again with today's code: equal by hash, or the first difference by name."""
    from streams.commands.verify import Options, verify_file

    _set_plain(plain)
    options = Options(process, run, from_time, to_time, tuple(set_ or ()), json)
    raise typer.Exit(verify_file(topology, options, _say))


@app.command()
def replay(
    topology: TopologyFile,
    more: MoreRecordings = None,
    recording: Recordings = None,
    since: From = "",
    until: Until = "",
    run: Annotated[int | None, typer.Option("--run", min=1, help="market data of a live run, from the broker or ClickHouse")] = None,
    setting: Settings = None,
    results: Annotated[str, typer.Option("--results", metavar="WHERE", help="what is kept: parquet, clickhouse, none")] = "parquet",
    report: Annotated[str, typer.Option("--report", metavar="FOLDER", help="write index.html, which opens offline, and report.json")] = "",
    seed: Annotated[int | None, typer.Option("--seed", min=0, max=2**31 - 1, help="of the venues' random numbers")] = None,
    json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
    plain: Plain = False,
) -> None:
    """Trade over recorded market data against simulated venues, in virtual time: a backtest. Same manifest, same bytes."""
    from streams.commands.replay import replay_file
    from streams.topology.backtest import Asked
    from streams.topology.times import instant_ns

    first_ns, last_ns = (instant_ns(text, option) if text else None for text, option in ((since, "--from"), (until, "--to")))
    asked = Asked(topology, tuple(setting or ()), _files(recording, more), first_ns, last_ns, run, seed, plain)
    raise typer.Exit(replay_file(asked, results, report, json, _say))


@app.command()
def sweep(
    topology: TopologyFile,
    more: MoreRecordings = None,
    grid: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=GRID", help="0.05..0.5:10 (ten values), or 1,2,5; repeat for more axes")
    ] = None,
    recording: Recordings = None,
    since: From = "",
    until: Until = "",
    run: Annotated[int | None, typer.Option("--run", min=1, help="market data of a live run, from the broker or ClickHouse")] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, max=2**31 - 1, help="of the venues' random numbers")] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, max=256, help="backtests side by side")] = 1,
    sort: Annotated[
        str, typer.Option("--sort", metavar="COLUMN", help="best first: pnl, sharpe, drawdown ..., or a key of the grid")
    ] = "pnl",
    csv: Annotated[str, typer.Option("--csv", metavar="FILE", help="write all points and figures")] = "",
    json: Annotated[bool, typer.Option("--json", help="a JSON list of all points")] = False,
    plain: Plain = False,
) -> None:
    """Backtest each point of a grid of settings: one table. Stopped, the same command goes on where it was."""
    from streams.commands.sweep import sweep_file
    from streams.topology.backtest import Asked
    from streams.topology.times import instant_ns

    first_ns, last_ns = (instant_ns(text, option) if text else None for text, option in ((since, "--from"), (until, "--to")))
    asked = Asked(topology, tuple(grid or ()), _files(recording, more), first_ns, last_ns, run, seed, plain)
    raise typer.Exit(sweep_file(asked, jobs, sort, csv, json, _say))


@app.command()
def diff(
    first: Annotated[
        str, typer.Argument(metavar="RUN", help="`last`, a replay's run id or the beginning of it, a folder, a live run's number")
    ],
    second: Annotated[str, typer.Argument(metavar="RUN", help="the run to compare it with")],
    json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Compare two runs record by record: equal, or the first difference by field."""
    from streams.commands.diff import diff as compare

    raise typer.Exit(compare(first, second, json, _say))


@app.command()
def latencies(
    topology: TopologyFile,
    out: Annotated[str, typer.Option("--out", metavar="FILE", help="file to write, such as latencies.npy")],
    run: Annotated[int | None, typer.Option("--run", min=1, help="number of the run; the last by default")] = None,
    venue: Annotated[str, typer.Option("--venue", metavar="NAME", help="venue, where the topology has several")] = "",
) -> None:
    """Measure how long the orders of a run took to the venue and back, for `order_latency: {recorded: FILE}`."""
    from streams.commands.latencies import write_latencies

    write_latencies(topology, run, venue, out, _say)


@recording_app.command("check")
def recording_check(
    file: Annotated[str, typer.Argument(metavar="FILE", help="recording, plain or gzip")],
    json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Rebuild the book from a recording and say what is true of it."""
    from streams.commands.recording import check_file

    check_file(file, json, _say)


def main(arguments: list[str] | None = None) -> None:
    """The command `millrace`: a mistake costs one line and status 1, wrong usage status 2."""
    raise SystemExit(_guarded(lambda: app(args=arguments, standalone_mode=True)))


def _guarded(call: Callable[[], Any]) -> int:
    try:
        call()
    except MillraceError as error:
        if os.environ.get("MILLRACE_DEBUG") == "1":
            raise
        _flush()
        print(f"millrace: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nmillrace: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `millrace tail ... | head` closes our output: that is its right
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else 1 if ending.code else 0
    return 0


def _files(recordings: list[str] | None, more: list[str] | None) -> tuple[str, ...]:
    """What `--recording a.gz b.gz c.gz` names; without the option the rest are a mistake."""
    if more and not recordings:
        raise ConfigError(f"{more[0]}: what is this? a recording is given as --recording {more[0]}")
    return (*(recordings or ()), *(more or ()))


def _set_plain(plain: bool) -> None:
    if plain:
        os.environ["MILLRACE_PLAIN"] = "1"  # for the processes that this one starts, too


def _flush() -> None:
    with contextlib.suppress(OSError):
        sys.stdout.flush()


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
