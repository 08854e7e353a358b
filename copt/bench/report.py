"""The report: one self-contained html page, written from the rows alone."""

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path

from copt.bench.chart import Curve, convergence_chart, time_grid
from copt.bench.markup import as_label, as_percent, as_probability, solver_name, tag
from copt.bench.page import BASELINE, Heading, colors_of, document, opening, solver_list
from copt.bench.records import Row
from copt.bench.summary import Standing, convergence, references, standing
from copt.bench.tables import fault_table, instance_table, published_table, split_into_blocks, summary_table

__all__ = ["write_report"]

EARLIEST_SECONDS = 0.01  # charts begin no earlier

MARKS = (
    "Best objective over the seeds, and mean gap. ✓ every seed ended with a proof of optimality, ★ better "
    "than the best known value, † a run passed its time limit by more than a tenth, ✗ see the failures."
)
CLOCK = (
    "A time limit counts from the call: imports, model build, compilation on first use and learned inference are "
    "inside it."
)
PREPARED = (
    "A time limit counts from the call: model build and learned inference are inside it. Imports and the loading of "
    "kernels take longer than such limits and come before it, for every solver."
)
METHOD = (
    "Each solve runs in a fresh process on the same cores, one at a time, the solvers in turn on each instance.",
    "Every solution is checked against the instance and its value computed anew, whatever the solver claims. "
    "A claim that does not hold is listed as wrong and counts as no proof.",
    "Gap: how much worse than the best known value, in percent of it; where none is published, than the best "
    "solution on this page. With several seeds an instance counts with its mean. An instance that a solver "
    "did not solve with every seed is not in its mean gap, and loses the paired comparison.",
    "Primal integral: the mean over the time limit of the gap as a share of the larger of value and best known value, "
    "100 % before the first solution; over the runs its geometric mean, shifted by 1 %. Median time to 1 %: when "
    "half of the runs were that near the best known value.",
    "Proven gap: between value and bound, in percent of the value; its median is over all runs, and missing where "
    "more than half of them have no bound. Proved within 1 %: runs that end with a proven gap of at most that.",
    "p: two-sided Wilcoxon signed-rank test over instances, copt against the solver; empty if all are level "
    "or scipy is not installed.",
)


def write_report(rows: Sequence[Row], heading: Heading, path: Path) -> None:
    """Write the page to ``path``; it needs neither network nor script."""
    colors = colors_of(rows, heading)
    reference = references(rows)
    body = [opening(rows, heading)]
    settings = sorted({(row.seconds_limit, row.workers) for row in rows}, reverse=True)
    for setting in settings:
        part = [row for row in rows if (row.seconds_limit, row.workers) == setting]
        body.append(_setting(part, colors, reference))
    body += [_elsewhere(rows, reference), _method(rows, heading)]
    path.write_text(document(heading, body), encoding="utf-8")


def _setting(rows: Sequence[Row], colors: dict[str, int], reference: dict[str, float]) -> str:
    """Return everything about one time limit and number of workers."""
    limit, workers = rows[0].seconds_limit, rows[0].workers
    present = {name: color for name, color in colors.items() if any(row.solver == name for row in rows)}
    overall = [standing(rows, name, BASELINE, reference) for name in present]
    parts = [
        tag("h2", f"{limit:g} s a solve, {workers} worker{'s' if workers > 1 else ''}"),
        _cards(overall, present),
    ]
    parts += [_verdict(result) for result in overall if result.solver != BASELINE and BASELINE in present]
    parts += [_charts(rows, limit, present, reference), tag("h3", "By set")]
    parts.append(summary_table(rows, present, BASELINE, reference))
    faults = sum(bool(row.error) for row in rows)
    if faults:
        parts += [tag("h3", f"Failures and wrong claims: {faults}", class_="bad"), fault_table(rows)]
    inside = tag("p", escape(MARKS), class_="soft") + instance_table(rows, present, reference)
    parts.append(tag("details", tag("summary", "Every instance"), inside, open="open"))
    return "\n".join(parts)


def _cards(overall: Sequence[Standing], colors: dict[str, int]) -> str:
    cards = []
    for result in overall:
        lines = [
            tag("span", escape(result.solver), class_="who"),
            tag("b", as_percent(result.mean_gap)),
            tag("span", "mean gap" if result.solved == result.runs else "mean gap where it has solutions"),
            tag("span", f"{result.proofs} of {result.runs} proved optimal"),
        ]
        if result.solved < result.runs:
            lines.append(
                tag("span", f"{result.runs - result.solved} of {result.runs} without a solution", class_="bad")
            )
        cards.append(tag("div", *lines, class_=f"card c{colors[result.solver]}"))
    return tag("div", *cards, class_="cards")


def _verdict(result: Standing) -> str:
    """Return one sentence on a peer, from the baseline's side."""
    pairs = result.wins + result.ties + result.losses
    chance = as_probability(result.p_value)
    sign = "" if chance.startswith("&lt;") else "= "
    test = f" (Wilcoxon signed-rank p {sign}{chance})" if chance else ""
    peer = tag("b", escape(result.solver))
    score = f"better on {result.wins}, level on {result.ties} and worse on {result.losses} of {pairs} instances"
    return tag("p", f"Against {peer} {BASELINE} is {score}{test}.")


def _charts(rows: Sequence[Row], limit: float, colors: dict[str, int], reference: dict[str, float]) -> str:
    """Return one large chart over all rows, and a small one for each set if there are several."""
    first = min((seconds for row in rows for seconds, _ in row.incumbents), default=limit)
    earliest = min(max(first, EARLIEST_SECONDS), limit / 10)
    times = time_grid(10.0 ** math.floor(math.log10(earliest)), limit)

    def draw(title: str, part: Sequence[Row], *, small: bool = False) -> str:
        curves = []
        for name, color in colors.items():
            own = [row for row in part if row.solver == name]
            if own:
                curves.append(Curve(name, color, convergence(own, reference, times)))
        return convergence_chart(title, times, curves, small=small)

    note = (
        "Before its first solution a run counts 100 %. A peer that keeps no record of its solutions drops "
        "once, when it answers; answers after the limit are drawn at the limit."
    )
    parts = [tag("h3", "Mean gap over time"), tag("p", note, class_="soft"), draw("Mean gap over time", rows)]
    blocks = {name: part for name, part in split_into_blocks(rows).items() if name != "all"}
    if len(blocks) > 1:
        legend = (tag("span", solver_name(name, color)) for name, color in colors.items())
        parts.append(tag("div", *legend, class_="legend"))
        small = (draw(as_label(name), part, small=True) for name, part in blocks.items())
        parts.append(tag("div", *small, class_="many"))
    return "\n".join(parts)


def _elsewhere(rows: Sequence[Row], reference: dict[str, float]) -> str:
    own = [row for row in rows if row.solver == BASELINE]
    longest = max(((row.seconds_limit, row.workers) for row in own), default=None)
    last = [row for row in own if (row.seconds_limit, row.workers) == longest]
    figures = published_table(last, BASELINE, reference)
    if not figures:
        return ""
    note = (
        "Not measured here and not like for like: other machines, other limits. They show how low the strongest "
        "engines get."
    )
    return tag("h2", "Published, on other hardware") + tag("p", note, class_="soft") + figures


def _method(rows: Sequence[Row], heading: Heading) -> str:
    lines = (METHOD[0], PREPARED if heading.prepared else CLOCK, *METHOD[1:])
    parts = [tag("h2", "How it was measured"), tag("ul", *(tag("li", escape(line)) for line in lines))]
    parts += [tag("h3", "Solvers"), solver_list(rows, heading)]
    if heading.sources:
        parts += [tag("h3", "Best known values"), tag("ul", *(tag("li", escape(s)) for s in heading.sources))]
    return "\n".join(parts)
