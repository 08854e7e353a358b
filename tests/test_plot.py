from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex

from copt import CoptError, JobShop, Schedule, encode, plot
from copt.problems import jobshop
from copt.problems.encoding import intervals_of
from copt.result import Trace

TOY = jobshop.toy()
OPTIMUM = Schedule(np.array([0, 4, 6, 3, 5, 6, 0, 8]), np.array([0, 1, 2, 0, 2, 1, 1, 2]))


def bars_of(axes: Axes) -> dict[tuple[float, float, float], str]:
    """Return the colour of each bar by (row, start, end)."""
    (collection,) = [c for c in axes.collections if isinstance(c, PolyCollection)]
    boxes = [path.get_extents() for path in collection.get_paths()]
    colours = [to_hex(colour) for colour in np.asarray(collection.get_facecolor())]
    return {((b.y0 + b.y1) / 2, b.x0, b.x1): c for b, c in zip(boxes, colours, strict=True)}


def test_the_gantt_chart_shows_each_operation_where_it_runs() -> None:
    axes = plot.gantt(TOY, OPTIMUM).axes[0]
    colour = bars_of(axes)
    expected = [(0, 0, 3), (1, 4, 6), (2, 6, 8), (0, 3, 5), (2, 5, 6), (1, 6, 10), (1, 0, 4), (2, 8, 11)]
    assert sorted(colour) == sorted(expected)
    for job in ([0, 1, 2], [3, 4, 5], [6, 7]):
        assert len({colour[expected[o]] for o in job}) == 1
    assert len(set(colour.values())) == 3
    assert axes.get_title(loc="left") == "toy: makespan 11"


def test_bars_carry_the_number_of_their_job() -> None:
    texts = [(t.get_position(), t.get_text()) for t in plot.gantt(TOY, OPTIMUM).axes[0].texts]
    assert ((1.5, 0), "0") in texts
    assert ((8.0, 1), "1") in texts
    assert jobshop.check(TOY, OPTIMUM) == []
    assert len(texts) == 8


def test_operations_without_duration_are_not_drawn() -> None:
    shop = JobShop.from_jobs([[(0, 0), (1, 5)]])
    axes = plot.gantt(shop, Schedule(np.array([0, 0]), np.array([0, 1]))).axes[0]
    assert list(bars_of(axes)) == [(1, 0, 5)]


def test_an_encoding_is_drawn_by_resource_with_one_colour_a_chain() -> None:
    of_shop = bars_of(plot.gantt(TOY, OPTIMUM).axes[0])
    figure = plot.draw(encode(TOY), intervals_of(TOY, OPTIMUM))
    assert bars_of(figure.axes[0]) == of_shop
    assert figure.axes[0].get_ylabel() == "resource"


def test_absent_options_of_an_encoding_are_not_drawn() -> None:
    shop = JobShop.from_jobs([[[(0, 3), (1, 4)], (1, 2)]])
    schedule = Schedule(np.array([0, 4]), np.array([1, 1]))
    figure = plot.draw(encode(shop), intervals_of(shop, schedule))
    assert sorted(bars_of(figure.axes[0])) == [(1, 0, 4), (1, 4, 6)]


def test_large_schedules_are_painted_as_one_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plot, "DRAWN_ONE_BY_ONE", 0)
    axes = plot.gantt(TOY, OPTIMUM).axes[0]
    (image,) = axes.images
    pixels = np.asarray(image.get_array())
    assert pixels.shape == (3, 3000, 3)
    colours = bars_of_toy()
    for column in range(7, 3000, 100):
        time = (column + 0.5) * 11 / 3000
        for row in range(3):
            running = [c for (r, s, e), c in colours.items() if r == row and s <= time < e]
            assert to_hex(pixels[row, column]) == (running[0] if running else "#ffffff")


def bars_of_toy() -> dict[tuple[float, float, float], str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plot, "DRAWN_ONE_BY_ONE", 100)
        return bars_of(plot.gantt(TOY, OPTIMUM).axes[0])


def test_a_family_without_a_picture_is_refused() -> None:
    class Stranger:
        family = "stranger"

    with pytest.raises(CoptError, match="no picture for family stranger, only for jobshop"):
        plot.draw(Stranger(), None)


def test_convergence_draws_steps_that_hold_until_the_end() -> None:
    trace = Trace(((1.0, 10), (2.0, 8)), ((0.5, 5), (3.0, 6)))
    figure = plot.convergence(trace, title="play", reference=7, end=4.0)
    lines: dict[str, Any] = {str(line.get_label()): line for line in figure.axes[0].lines}
    assert lines["incumbent 8"].get_xydata().tolist() == [[1, 10], [2, 8], [4, 8]]
    assert lines["bound 6"].get_xydata().tolist() == [[0.5, 5], [3, 6], [4, 6]]
    assert lines["incumbent 8"].get_drawstyle() == "steps-post"
    assert lines["reference 7"].get_ydata()[0] == 7
    assert figure.axes[0].get_title(loc="left") == "play"


@pytest.mark.parametrize(("first", "scale"), [(0.01, "log"), (1.0, "linear")])
def test_time_is_logarithmic_where_it_spans_decades(first: float, scale: str) -> None:
    figure = plot.convergence(Trace(((first, 3), (5.0, 2))))
    assert figure.axes[0].get_xscale() == scale


def test_an_empty_trace_is_refused() -> None:
    with pytest.raises(CoptError, match="the trace is empty"):
        plot.convergence(Trace())


@pytest.mark.parametrize(("suffix", "magic"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_pictures_are_saved_by_suffix(tmp_path: Path, suffix: str, magic: bytes) -> None:
    path = tmp_path / f"toy{suffix}"
    plot.save(plot.gantt(TOY, OPTIMUM), path)
    assert path.read_bytes().startswith(magic)


def test_an_unknown_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CoptError, match=r"suffix must be one of \.png, \.svg, \.pdf"):
        plot.save(plot.gantt(TOY, OPTIMUM), tmp_path / "toy.doc")
