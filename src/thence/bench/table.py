"""The numbers to hold (design §9), each with what was measured, as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct
from rich.table import Table

Medians = Mapping[str, Mapping[str, float]]

# Design §9 asks for 4 x (aim 7 x) the best durable Python queue, taskiq on Redis (2,490/s); Huey,
# which needs only pip, did 1,610/s in the same run. So many times Huey is as much:
BEST_QUEUE_PER_HUEY = 2490 / 1610


class Row(Struct):
    """One number: measured, what it must hold and what it aims at, in `unit`."""

    name: str
    value: float
    unit: str
    hold: float | None = None
    aim: float | None = None
    at_least: bool = True  # else at most

    @property
    def held(self) -> bool | None:
        """Whether it holds; None where nothing is asked of it."""
        return None if self.hold is None else self._reaches(self.hold)

    @property
    def aimed(self) -> bool | None:
        return None if self.aim is None else self._reaches(self.aim)

    def _reaches(self, limit: float) -> bool:
        return self.value >= limit if self.at_least else self.value <= limit


def judged(medians: Medians) -> list[Row]:
    """The rows that can be said from what was measured."""
    rows: list[Row] = []
    for needs, make in _ROWS:
        if all(name in medians for name in needs):
            rows.append(make(medians))
    return rows


def _of_bare(m: Medians) -> Row:
    ratio = m["ratios"]["bare"]
    return Row("run and settled per second ÷ bare 202 (uvicorn)", ratio, "×", 0.35, 0.80)


def _of_peer(m: Medians) -> Row:
    ratio = m["ratios"]["peer"]
    hold, aim = 3.5 * BEST_QUEUE_PER_HUEY, 8 * BEST_QUEUE_PER_HUEY
    return Row("run and settled per second ÷ Huey on SQLite", ratio, "×", hold, aim)


def _delivered(m: Medians) -> Row:
    name = "with a built-in queue as destination: delivered ÷ run and settled without"
    return Row(name, m["ratios"]["delivered"], "×", 0.5, 0.7)


def _start(share: str, hold: float, aim: float) -> Callable[[Medians], Row]:
    return lambda m: Row(
        f"submit → function start at 200/s, {share}",
        m["latency"][f"start_{share}_ms"],
        "ms",
        hold,
        aim,
        at_least=False,
    )


def _cpu(m: Medians) -> Row:
    spent = m["settled"]["cpu_us"] + m["settled"]["generator_cpu_us"]
    name = "CPU per invocation, all processes (load generator too)"
    return Row(name, spent, "µs", 200, 80, at_least=False)


def _functions(m: Medians) -> Row:
    name = f"CPU per call with {m['functions']['functions']:,.0f} functions ÷ 100"
    return Row(name, m["functions"]["cpu_ratio"], "×", 1.5, 1.1, at_least=False)


def _accept_ratio(m: Medians) -> Row:
    name = f"accept rate with {m['backlog']['waiting']:,.0f} waiting ÷ empty"
    return Row(name, m["backlog"]["accept_ratio"], "×", 0.9, 0.95)


def _memory(m: Medians) -> Row:
    name = f"memory with {m['backlog']['waiting']:,.0f} waiting − empty"
    return Row(name, m["backlog"]["memory_growth_mib"], "MiB", 50, 50, at_least=False)


def _restart(m: Medians) -> Row:
    name = f"restart with {m['backlog']['waiting']:,.0f} waiting → first dispatch"
    return Row(name, m["backlog"]["restart_dispatch_seconds"], "s", 2, 2, at_least=False)


_ROWS: list[tuple[tuple[str, ...], Callable[[Medians], Row]]] = [
    (("settled",), lambda m: Row("run and settled", m["settled"]["per_second"], "/s")),
    (("settled",), lambda m: Row("accepted", m["settled"]["accepted_per_second"], "/s")),
    (("bare",), lambda m: Row("bare 202, uvicorn", m["bare"]["per_second"], "/s")),
    (("raw",), lambda m: Row("bare 202, raw protocol", m["raw"]["per_second"], "/s")),
    (("peer",), lambda m: Row("Huey on SQLite, run and kept", m["peer"]["per_second"], "/s")),
    (
        ("delivered",),
        lambda m: Row("run, settled and delivered", m["delivered"]["per_second"], "/s"),
    ),
    (("settled", "bare"), _of_bare),
    (("settled", "peer"), _of_peer),
    (("settled", "delivered"), _delivered),
    (("latency",), _start("p50", 2, 1)),
    (("latency",), _start("p99", 6, 2.5)),
    (("settled",), _cpu),
    (("functions",), _functions),
    (("backlog",), _accept_ratio),
    (("backlog",), _memory),
    (("backlog",), _restart),
]

_STEPS = (
    ("answering a bare 202 (uvicorn)", "bare", "cpu_us"),
    ("answering a bare 202 (raw protocol)", "raw", "cpu_us"),
    ("the node: accept, commit, dispatch, settle", "settled", "node_cpu_us"),
    (
        "  of it the event loop (the rest: the threads that commit and read)",
        "settled",
        "loop_cpu_us",
    ),
    ("the same with a delivery to a built-in queue", "delivered", "node_cpu_us"),
    ("the fork server and the instances: run", "settled", "instances_cpu_us"),
    ("the load generator", "settled", "generator_cpu_us"),
    ("Huey: consumer and workers", "peer", "cpu_us"),
    ("Huey: producer", "peer", "generator_cpu_us"),
)


def tables(medians: Medians, rows: list[Row], *, profile: bool) -> list[Table]:
    """What is printed."""
    table = Table(title="Ratios of one run on one machine; medians of the rounds")
    for name in ("measured", "value", "hold", "aim", ""):
        table.add_column(name, justify="left" if name in ("measured", "") else "right")
    for row in rows:
        sign = "≥" if row.at_least else "≤"
        table.add_row(
            row.name,
            f"{_number(row.value)} {row.unit}",
            "" if row.hold is None else f"{sign} {_number(row.hold)}",
            "" if row.aim is None else f"{sign} {_number(row.aim)}",
            _verdict(row),
        )
    return [table, _steps(medians)] if profile else [table]


def _verdict(row: Row) -> str:
    if row.held is None:
        return ""
    if not row.held:
        return "[red]missed[/red]"
    return "[green]aim[/green]" if row.aimed else "[green]holds[/green]"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _steps(medians: Medians) -> Table:
    table = Table(title="CPU per request or invocation")
    table.add_column("where")
    table.add_column("µs", justify="right")
    for name, measure, key in _STEPS:
        if measure in medians:
            table.add_row(name, f"{medians[measure][key]:.0f}")
    return table
