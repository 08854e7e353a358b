"""The report of a benchmark of control in closed loop: a table for the terminal, and a page."""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from copt.bench.loop_records import EpisodeRow
from copt.bench.loop_summary import Form, Interval, best_of, forms
from copt.bench.markup import solver_name, table, tag
from copt.bench.page import BASELINE, Heading, colors_of, document, opening, solver_list
from copt.bench.tables import fault_table

__all__ = ["text_table", "write_loop_report"]

COLUMNS = (
    "controller",
    "episodes",
    "goal reached",
    "final cost",
    f"minus {BASELINE}'s",
    "cost",
    f"minus {BASELINE}'s",
    "beyond limits",
    "plans beyond",
    "step p50",
    "step p99",
    "late steps",
)
METHOD = (
    "Every episode begins for all controllers in the same state with the same goal. Each controller runs in a fresh "
    "process on the same cores; the time limit is for each step, and the system waits for the command.",
    "What a controller imports and compiles before its first step is not on the clock. The models of the dynamics are "
    "those named with the controllers; all plan over the same horizon.",
    "What came of an episode is simulated again from the actions alone, with nothing that the controller says.",
    "Final cost: what the last state costs. Cost: the sum over all steps; an episode in which the system is lost pays "
    "for its last state until the end.",
    f"Minus {BASELINE}'s: by how much a cost exceeds that of {BASELINE} in the same episodes, on average; above zero "
    "is worse.",
    "Beyond limits: share of the steps that took the system beyond a limit or into an obstacle. Plans beyond: share of "
    "the steps whose plan did so on the controller's own model.",
    "Step: what steps took, the median and what 99 of 100 took at most. Late: share of the steps that took more than a "
    "tenth longer than their limit; their commands count all the same.",
    "Intervals are 95 %: Wilson's score for rates, Student's t for means, over episodes. An episode counts once, with "
    "its mean over the seeds of the controller.",
)

MEASURES = (("final_cost", "final_margin"), ("cost", "cost_margin"))  # fields of a form

Group = tuple[str, float, int]  # task, time limit, workers


def text_table(rows: Sequence[EpisodeRow]) -> str:
    """Return the table of all tasks, time limits and controllers, for a terminal."""
    parts = []
    for (task, limit, workers), part in _groups(rows):
        known = forms(part, BASELINE)
        lines = [COLUMNS, *((form.solver, *_cells(form)) for form in known)]
        widths = [max(len(line[k]) for line in lines) for k in range(len(COLUMNS))]
        parts.append(_title(task, limit, workers))
        parts += ["  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) for line in lines]
        parts += [_verdict(known), ""]
    return "\n".join(parts).rstrip()


def write_loop_report(rows: Sequence[EpisodeRow], heading: Heading, path: Path) -> None:
    """Write the page to ``path``; it needs neither network nor script."""
    colors = colors_of(rows, heading)
    body = [opening(rows, heading)]
    for (task, limit, workers), part in _groups(rows):
        known = forms(part, BASELINE)
        body += [tag("h2", escape(_title(task, limit, workers))), tag("p", escape(_verdict(known)))]
        body.append(_page_table(known, colors))
        faults = [row for row in part if row.error]
        if faults:
            body += [tag("h3", f"Failures: {len(faults)}", class_="bad"), fault_table(faults)]
    body += [tag("h2", "How it was measured"), tag("ul", *(tag("li", escape(line)) for line in METHOD))]
    body += [tag("h3", "Controllers"), solver_list(rows, heading)]
    path.write_text(document(heading, body), encoding="utf-8")


def _groups(rows: Sequence[EpisodeRow]) -> Iterator[tuple[Group, list[EpisodeRow]]]:
    """Yield the rows of each task, time limit and number of workers."""
    for group in dict.fromkeys((row.task, row.seconds_limit, row.workers) for row in rows):
        yield group, [row for row in rows if (row.task, row.seconds_limit, row.workers) == group]


def _title(task: str, limit: float, workers: int) -> str:
    return f"{task}, {limit:g} s a step, {workers} worker{'s' if workers > 1 else ''}"


def _cells(form: Form) -> tuple[str, ...]:
    """Return what the table says of a controller, after its name."""
    failed = f" ({form.failed} failed)" if form.failed else ""
    return (
        f"{form.episodes}{failed}",
        _rate(form.success),
        _mean(form.final_cost),
        _mean(form.final_margin, "+"),
        _mean(form.cost),
        _mean(form.cost_margin, "+"),
        _share(form.beyond),
        _share(form.broken),
        _milliseconds(form.median_seconds),
        _milliseconds(form.slow_seconds),
        _share(form.late),
    )


def _verdict(known: Sequence[Form]) -> str:
    """Return sentences on the best of the others, from the baseline's side."""
    own = next((form for form in known if form.solver == BASELINE), None)
    return " ".join(_against(known, own, measure, margin) for measure, margin in MEASURES) if own else ""


def _against(known: Sequence[Form], own: Form, measure: str, margin: str) -> str:
    best, ours = best_of(known, BASELINE, measure), getattr(own, measure)
    if best is None or ours is None:
        return ""
    text = f"Lowest {measure.replace('_', ' ')} of the others: {best.solver}, {getattr(best, measure).value:.3g}; "
    text += f"{BASELINE} {ours.value:.3g}"
    gap: Interval | None = getattr(best, margin)
    if gap is None or gap.low is None or gap.high is None:
        return f"{text}."
    side = "clearly lower" if gap.low > 0 else "clearly higher" if gap.high < 0 else "neither clearly lower nor higher"
    return f"{text}, {side} in the same episodes ({gap.low:+.3g} to {gap.high:+.3g})."


def _page_table(known: Sequence[Form], colors: dict[str, int]) -> str:
    head = [tag("th", escape(text), class_="text" if k == 0 else "") for k, text in enumerate(COLUMNS)]
    lines = []
    for form in known:
        name = tag("td", solver_name(form.solver, colors[form.solver]), class_="text")
        lines.append(tag("tr", name, *(tag("td", escape(cell)) for cell in _cells(form))))
    return table(head, [tag("tbody", *lines)], flat=True)


def _rate(known: Interval | None) -> str:
    if known is None or known.low is None or known.high is None:
        return "-"
    return f"{100 * known.value:.0f} % ({100 * known.low:.0f}-{100 * known.high:.0f})"


def _mean(known: Interval | None, sign: str = "") -> str:
    if known is None:
        return "-"
    half = "" if known.high is None else f" ± {known.high - known.value:.2g}"
    return f"{known.value:{sign}.3g}{half}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{1000 * seconds:.1f} ms"
