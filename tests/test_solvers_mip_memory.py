"""What solves leave to those after them: arms, settings of SCIP, points, prices of rows."""

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mip_cases import Deaf, make_mip

import copt
from copt import Status
from copt.errors import CoptError
from copt.events import Silent
from copt.instances.mip_generators import assignment, facility_location, knapsacks, set_cover
from copt.instances.mip_scip import to_scip
from copt.problems.mip import MIP, Point, objective, toy
from copt.solvers.mip import partner
from copt.solvers.mip.bandit import Record
from copt.solvers.mip.choice import Tried, choose
from copt.solvers.mip.duality import bound_of
from copt.solvers.mip.features import NAMES
from copt.solvers.mip.kin import POINTS, PRICES, Habits, Kin, shape_of
from copt.solvers.mip.memory import MOST, SHAPES, TRUST, Course, Memory
from copt.solvers.mip.partner import Partner, Task
from copt.solvers.mip.settings import DEFAULT, PARTS, SETTINGS, apply
from copt.solvers.mip.worker import Worker

COVER, OTHER_COVER = (
    set_cover(rows=30, columns=60, density=0.1, seed=1),
    set_cover(rows=30, columns=60, density=0.1, seed=2),
)
STRANGER = knapsacks(items=50, constraints=5, seed=1)
COURSE = Course(3.0, True, {}, DEFAULT, 0.5, 0.1, None, None, None)
RNG = np.random.default_rng(0)


def kin_of(memory: Memory, instance: MIP) -> Kin:
    kin = memory.kin(instance)
    assert kin is not None
    return kin


def arms_of(memory: Memory, instance: MIP, seconds: float = 3.0) -> dict[str, Record]:
    return memory.advise(instance, RNG, seconds=seconds, helped=True).arms


def test_a_memory_survives_its_file(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory.json")
    advice = memory.advise(COVER, RNG, seconds=3.0, helped=True)
    assert advice.kin is not None
    assert (advice.arms, advice.setting, advice.kin.points, advice.kin.duals) == ({}, DEFAULT, [], [])
    values, duals = np.zeros(60), np.linspace(0, 1, 30)
    values[[3, 7]] = 1.0, 2.5
    arms = {"rins": Record(2.0, 0.5, 0.3, 0.6, 0.7), "rows": Record()}
    costs = np.full((2, 60), np.nan)
    costs[1, 4] = 0.5
    memory.learn(COVER, COURSE._replace(arms=arms, setting="lean", values=values, duals=duals, pseudocosts=costs))
    again = Memory(tmp_path / "memory.json")
    assert again.lessons == memory.lessons
    advice = again.advise(COVER, RNG, seconds=3.0, helped=True)
    assert advice.kin is not None
    assert list(advice.arms) == ["rins"]
    assert dataclasses.astuple(advice.arms["rins"]) == pytest.approx((2.0, 0.5, 0.3, 0.6, 0.7))  # stored rounded
    assert [point.tolist() for point in advice.kin.points] == [values.tolist()]
    assert advice.kin.duals[0] == pytest.approx(duals, rel=1e-6)
    assert np.isnan(advice.kin.pseudocosts()).all()  # one point does not say whether variables mean the same
    values[9] = 1.0
    again.learn(COVER, COURSE._replace(values=values, pseudocosts=costs))
    assert np.array_equal(kin_of(Memory(tmp_path / "memory.json"), COVER).pseudocosts(), costs, equal_nan=True)
    assert again.card == {"lessons": 2}
    assert again.weights["descriptions"].shape == (2, len(NAMES) + 2)
    assert [path.name for path in tmp_path.iterdir()] == ["memory.json"]


def test_similar_programs_with_as_much_time_count_for_more(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory.json")
    memory.learn(OTHER_COVER, COURSE._replace(arms={"rins": Record(3.0, 1.0, 1.0, 0.9)}))
    memory.learn(STRANGER, COURSE._replace(arms={"rins": Record(3.0, 0.0, 0.0, 0.2)}))
    assert arms_of(memory, COVER)["rins"].mean > 0.9
    assert arms_of(memory, STRANGER)["rins"].mean < 0.1
    assert arms_of(memory, COVER, 300.0) == {}
    for seconds, name in ((0.0, "rows"), (np.inf, "dive")):
        memory.learn(COVER, COURSE._replace(seconds=seconds, arms={name: Record(3.0, 1.0, 1.0, 0.9)}))
        assert list(arms_of(memory, COVER, seconds)) == [name]
    for _ in range(10):
        memory.learn(COVER, COURSE._replace(arms={"rins": Record(3.0, 1.0, 1.0, 0.9)}))
    assert arms_of(memory, COVER)["rins"].tries == TRUST


def solves(effects: dict[str, float], names: list[str], seed: int) -> list[Tried]:
    """Return solves of programs of any difficulty, where the parts of settings do what ``effects`` say."""
    rng, tried = np.random.default_rng(seed), []
    for name in names:
        gap = float(rng.uniform(0.01, 0.2))
        log = np.log(gap) + sum(effects.get(part, 0.0) for part in SETTINGS[name]) + 0.2 * rng.normal()
        tried.append(Tried(1.0, name, float(np.exp(log)), gap))
    return tried


@pytest.mark.parametrize("best", SETTINGS)
def test_the_setting_whose_parts_paid_is_chosen_most_often(best: str) -> None:
    effects = {part: -0.5 if part in SETTINGS[best] else 0.5 for part in PARTS}
    seen = solves(effects, [*SETTINGS] * 3, 1)
    rng = np.random.default_rng(0)
    assert [choose(seen, rng) for _ in range(50)].count(best) > 45


def test_a_setting_is_known_by_its_parts_before_it_is_tried() -> None:
    """Hard programs do not count against the setting that had them either."""
    effects = {"no cuts": 0.9, "pseudocosts": -0.9, "best bound": -0.6}
    tried = ["lean", "lean, no cuts", "lean, pseudocosts", "lean, no cuts, pseudocosts, best bound", DEFAULT] * 3
    rng = np.random.default_rng(0)
    chosen = [choose(solves(effects, tried, seed), rng) for seed in range(20)]
    parts = [set(SETTINGS[name]) for name in chosen]
    assert sum({"pseudocosts", "best bound"} <= some and "no cuts" not in some for some in parts) >= 19
    assert "lean, pseudocosts, best bound" in chosen


def test_nothing_is_believed_of_settings_that_similar_programs_have_not_tried() -> None:
    rng = np.random.default_rng(0)
    chosen = {choose([Tried(1.0, DEFAULT, 0.5, 0.1)], rng) for _ in range(300)}
    assert len(chosen) > 0.5 * len(SETTINGS)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_leaves_the_answer_as_it_is(name: str) -> None:
    model, _ = to_scip(COVER)
    apply(name, model, helped=True)
    model.optimizeNogil()
    plain, _ = to_scip(COVER)
    plain.optimizeNogil()
    assert (model.getStatus(), model.getObjVal()) == ("optimal", pytest.approx(plain.getObjVal()))


def test_heuristics_and_restarts_stay_as_they_are_where_no_partner_looks_for_points() -> None:
    usual = [to_scip(COVER)[0].getParam(name) for name in ("heuristics/rins/freq", "presolving/restartfac")]
    for helped, frequency, restart in ((False, *usual), (True, -1, 0.1)):
        model, _ = to_scip(COVER)
        apply("lean", model, helped=helped)
        assert model.getParam("heuristics/rins/freq") == frequency
        assert model.getParam("presolving/restartfac") == restart
        assert model.getParam("presolving/maxrestarts") == 0


def test_old_lessons_and_old_shapes_are_forgotten(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory.json")
    memory.learn(COVER, COURSE._replace(values=np.ones(60)))
    memory.lessons *= MOST
    memory.learn(STRANGER, COURSE._replace(integral=0.25, values=np.zeros(50)))
    assert len(memory.lessons) == MOST
    assert memory.lessons[-1]["integral"] == 0.25
    assert len(kin_of(memory, COVER).points) == 1
    for rows in range(SHAPES - 1):
        memory.learn(make_mip(np.ones((rows, 2))), COURSE)
    assert kin_of(memory, COVER).points == []
    assert len(kin_of(Memory(tmp_path / "memory.json"), STRANGER).points) == 1


def test_kin_have_the_same_rows_and_variables_whatever_their_numbers() -> None:
    other = dataclasses.replace(COVER, costs=COVER.costs + 1, row_lower=COVER.row_lower * 2, name="other")
    assert shape_of(other) == shape_of(COVER) is not None
    assert shape_of(OTHER_COVER) != shape_of(COVER)
    assert shape_of(dataclasses.replace(COVER, integer=np.zeros(60, dtype=bool))) != shape_of(COVER)
    assert shape_of(dataclasses.replace(COVER, beyond=("SOS1",))) is None
    assert shape_of(make_mip(np.zeros((0, 100_001)))) is None


def test_large_programs_leave_lessons_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("copt.solvers.mip.kin.MOST", 50)
    with copt.mip.Session(tmp_path / "memory.json") as session:
        for _ in range(2):
            assert session.solve(COVER, workers=1).status is Status.OPTIMAL
        assert session.memory.kin(COVER) is None
        assert len(session.memory.lessons) == 2


def test_kin_keep_the_newest_points_and_prices() -> None:
    kin = Kin(1, 2)
    for number in range(POINTS + 3):
        kin.add(np.array([number, 0.0]), np.array([float(number)]), None)
        kin.add(np.array([number, 0.0]), None, None)
    assert [point[0] for point in kin.points] == list(range(3, POINTS + 3))
    assert [prices[0] for prices in kin.prices()] == [*range(POINTS + 3 - PRICES, POINTS + 3), POINTS]
    kin.add(None, None, None)
    assert len(kin.points) == POINTS
    assert Kin(1, 2).prices() == []


def test_kin_average_what_branching_cost_half_of_it_the_last_time() -> None:
    kin = Kin(1, 2)
    kin.points = [np.ones(2)] * 2
    for costs in ([[np.nan, 2.0], [1.0, np.nan]], [[np.nan, 4.0], [np.nan, np.nan]], [[6.0, 1.0], [np.nan, np.nan]]):
        kin.add(None, None, np.array(costs))
    assert np.array_equal(kin.pseudocosts(), [[6.0, 2.0], [1.0, np.nan]], equal_nan=True)


def test_points_are_alike_if_they_agree_more_than_chance_does() -> None:
    rng = np.random.default_rng(0)
    base = rng.random(200) < 0.3
    for flipped, alike in ((0.0, True), (0.05, True), (0.5, False), (1.0, False)):
        kin = Kin(1, 200)
        assert not kin.alike
        for _ in range(5):
            other = np.where(rng.random(200) < flipped, rng.random(200) < 0.3, base)
            kin.points.append(other.astype(float))
        assert kin.alike is alike
    kin.points = [np.ones(200)] * 2
    assert kin.alike


def test_habits_are_how_often_variables_were_above_their_lower_bounds() -> None:
    instance = make_mip(np.ones((1, 4)), lower=[0, 1, -np.inf, 0], upper=[1, 5, 3, 1], integer=[True] * 3 + [False])
    points = np.array([[1, 1, 0, 1], [1, 2, 0, 0], [0, 5, 1, 1.0]])
    chances = Habits(points).probabilities(instance, None)
    assert chances == pytest.approx([2 / 3, 2 / 3, np.nan, np.nan], nan_ok=True)


LESSON = {"description": [0] * (len(NAMES) + 2), "arms": {}, "setting": DEFAULT, "integral": 1.0, "gap": 0.0}
KIN = Kin(1, 2).as_json()
OTHER = Kin(2, 3)
OTHER.add(np.array([0.0, 0.0, 1.5]), np.ones(2), np.full((2, 3), 2.0))
STRANGE = OTHER.as_json()


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        {"lessons": [1], "kin": {}},
        {"lessons": [LESSON]},
        {"lessons": [LESSON | {"description": [1]}], "kin": {}},
        {"lessons": [LESSON | {"setting": "odd"}], "kin": {}},
        {"lessons": [LESSON | {"arms": {"a": [1]}}], "kin": {}},
        {"lessons": [LESSON | {"gap": None}], "kin": {}},
        {"lessons": [], "kin": []},
        {"lessons": [], "kin": {"a": 1}},
        {"lessons": [], "kin": {"a": KIN | {"duals": STRANGE["duals"]}}},
        {"lessons": [], "kin": {"a": KIN | {"duals": [1]}}},
        {"lessons": [], "kin": {"a": KIN | {"points": STRANGE["points"]}}},
        {"lessons": [], "kin": {"a": KIN | {"points": [["AAAA", "?"]]}}},
        {"lessons": [], "kin": {"a": KIN | {"pseudocosts": []}}},
        {"lessons": [], "kin": {"a": KIN | {"pseudocosts": STRANGE["pseudocosts"]}}},
    ],
)
def test_other_files_are_refused(content: Any, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(json.dumps(content))
    with pytest.raises(CoptError, match=r"is no memory of earlier solves .*; name another file"):
        copt.mip.Session(path)
    path.write_text("")
    with pytest.raises(CoptError, match="name another file"):
        copt.mip.Session(path)


def test_a_session_learns_from_each_solve(tmp_path: Path) -> None:
    with copt.mip.Session(tmp_path / "memory.json") as session:
        for seed in (1, 2):
            result = session.solve(set_cover(rows=30, columns=60, density=0.1, seed=seed), seed=seed)
            assert (result.status, result.policy) == (Status.OPTIMAL, "memory")
    lessons = copt.mip.Session(tmp_path / "memory.json").memory.lessons
    assert len(lessons) == 2
    assert all(0 < lesson["integral"] < 60 for lesson in lessons)


class Sources(Silent):
    """Keeps what the first point and the first bound are worth and where they come from."""

    def __init__(self) -> None:
        self.points: list[tuple[float, str]] = []
        self.bounds: list[tuple[float, str]] = []

    def on_incumbent(self, seconds: float, objective: float, bound: float | None, source: str) -> None:
        self.points.append((objective, source))

    def on_bound(self, seconds: float, bound: float, objective: float | None, source: str) -> None:
        self.bounds.append((bound, source))


GAP = assignment(agents=4, jobs=12, seed=1)
SITES = facility_location(customers=8, facilities=6, seed=1)
VARIED = {
    "set cover": (COVER, COVER.costs[::-1]),
    "knapsacks": (STRANGER, STRANGER.costs + np.arange(50) % 7),
    "assignment": (GAP, GAP.costs + np.arange(48) % 5),
    "facilities": (SITES, SITES.costs * (1 + 0.01 * (np.arange(SITES.costs.size) % 9))),
}


@pytest.mark.parametrize("name", VARIED)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_program_with_other_costs_begins_with_the_points_and_prices_of_the_one_before(
    name: str, workers: int, tmp_path: Path
) -> None:
    before, costs = VARIED[name]
    instance = dataclasses.replace(before, costs=costs)
    with copt.mip.Session(tmp_path / "memory.json") as session:
        first = session.solve(before, workers=workers)
        prices = kin_of(session.memory, instance).prices()
        heard = Sources()
        second = session.solve(instance, workers=workers, events=heard)
    assert first.status is second.status is Status.OPTIMAL
    assert second.objective == pytest.approx(copt.solve(instance, workers=1).objective, rel=1e-9)
    assert heard.points[0] == (objective(instance, first.solution), "memory")
    if prices:  # a partner may not have come so far
        bound = max(bound_of(instance, one) for one in prices)
        assert heard.bounds[0] == (instance.sign * bound, "memory")


def test_what_is_not_feasible_any_more_is_no_point(tmp_path: Path) -> None:
    before = make_mip([[1, 1, 1]], costs=[1, 2, 3], row_lower=[1], row_upper=[3])
    after = dataclasses.replace(before, row_lower=np.array([2.0]))
    with copt.mip.Session(tmp_path / "memory.json") as session:
        assert session.solve(before, workers=1).objective == 1
        heard = Sources()
        result = session.solve(after, workers=1, events=heard)
    assert (result.status, result.objective) == (Status.OPTIMAL, 3)
    assert all(source != "memory" for _, source in heard.points)


def test_the_integers_of_a_point_that_does_not_fit_get_what_continuous_variables_they_need() -> None:
    best = copt.solve(SITES, workers=1)
    point = np.where(SITES.integer, best.solution.values, 0.0)
    for integers, known in ((point, True), (np.where(SITES.integer, -9.0, 0.0), False)):
        line = Deaf()
        worker = Worker(Task(SITES.bare(), 1e9, 0, points=(integers,)), line, lambda: 0.0)
        assert worker._recall() is known
        line.over.set()
        assert [message.source for message in line.sent] == ["memory"] * len(line.sent)
        assert bool(line.sent) is known
        assert worker.state.best == (pytest.approx(best.objective, rel=1e-6) if known else np.inf)


def test_a_start_of_the_user_counts_beside_the_memory(tmp_path: Path) -> None:
    with copt.mip.Session(tmp_path / "memory.json") as session:
        best = session.solve(COVER, workers=1).solution
        heard = Sources()
        result = session.solve(COVER, workers=1, start=Point(np.ones(60)), events=heard)
    assert [source for _, source in heard.points[:2]] == ["start", "memory"]
    assert result.objective == objective(COVER, best)


def test_a_session_keeps_one_process_until_it_is_closed_or_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Partner] = []

    def start(task: Task) -> Partner:
        made.append(Partner(task))
        return made[-1]

    monkeypatch.setattr(partner, "Partner", start)
    with copt.mip.Session(tmp_path / "memory.json") as session:
        for _ in range(2):
            assert session.solve(toy(), workers=2).objective == 19
        assert len(made) == 1
        os.kill(made[0].pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(made[0].pid, 0)
    assert session.solve(toy(), workers=2).objective == 19
    del session
    with pytest.raises(ProcessLookupError):
        os.kill(made[1].pid, 0)


def test_a_memory_that_cannot_be_written_costs_no_solution(tmp_path: Path) -> None:
    session = copt.mip.Session(tmp_path / "no" / "folder" / "memory.json")
    result = session.solve(toy())
    assert result.objective == 19
    assert any("cannot be written: No such file" in note for note in result.notes)


def test_a_memory_serves_no_other_family(tmp_path: Path) -> None:
    with pytest.raises(CoptError, match="it serves family mip, not jobshop"):
        copt.mip.Session(tmp_path / "memory.json").solve(copt.read("toy"))
