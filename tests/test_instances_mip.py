"""Files and solutions of mixed-integer programs, and their way through SCIP."""

import dataclasses
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mip_cases import any_mips, dense, make_mip, solve_with_scip

import copt
from copt.errors import CoptError, FormatError
from copt.instances.formats import Format
from copt.instances.mip import FORMATS, format_solution, named, names, parse_solution
from copt.instances.mip_files import CIP, LP, MPS
from copt.instances.mip_mps import mps_text, plain_names
from copt.instances.mip_scip import from_scip, read_model, to_scip
from copt.instances.text import load
from copt.problems.base import same
from copt.problems.mip import MIP, Point, toy

pyscipopt = pytest.importorskip("pyscipopt")

MPS_TEXT = """* a comment
NAME          example
OBJSENSE
    MAX
ROWS
 N  obj
 L  c0
 G  c1
 E  c2
 E  c3
 N  free
COLUMNS
    z         obj       1.5   c0        1
    z         c1        1     free      4
    MARKER    'MARKER'  'INTORG'
    y         obj       2     c0        3
    y         c2        1
    b         obj       3     c1        1
    MARKER    'MARKER'  'INTEND'
    w         obj       -1    c2        1
    w         c3        1
RHS
    RHS       obj       -7    c0        12
    RHS       c1        -4    c2        3
RANGES
    RNG       c0        2.5   c1        7
    RNG       c2        -1    c3        2
BOUNDS
 BV BND       b
 LO BND       y         -5
 UP BND       y         5
 MI BND       z
 UP BND       z         -0.25
ENDATA
"""
LP_TEXT = """\\ a comment

Minimize
 obj: x + 2 y - 3 z
Subject To
 c1: x + y >= 2
 c2: x - z <= 4
Bounds
 -2 <= x <= 8
 z <= 5
General
 y
End
"""
CIP_TEXT = """STATISTICS
  Problem name     : t
OBJECTIVE
  Sense            : maximize
VARIABLES
  [binary] <a>: obj=3, original bounds=[0,1]
  [binary] <b>: obj=2, original bounds=[0,1]
  [continuous] <c>: obj=-1, original bounds=[0,10]
CONSTRAINTS
  [setppc] <s>:  +<a>[B] +<b>[B] <= 1;
  [knapsack] <k>: +4<a>[B] +3<b>[B] <= 5;
  [varbound] <v>: 1 <= <c>[C] +7<a>[B] <= 9;
  [logicor] <l>: logicor(<a>,<b>);
END
"""


def read_text(folder: Path, content: str, name: str = "case.txt") -> MIP:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    text = load(path)
    (known,) = [known for known in FORMATS if known.recognise(text)]
    instance = known.read(text)
    assert isinstance(instance, MIP)
    return instance


def test_mps_by_hand(tmp_path: Path) -> None:
    expected = make_mip(
        [[1, 3, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 0, 1]],
        costs=[1.5, 2, 3, -1],
        lower=[-np.inf, -5, 0, 0],
        upper=[-0.25, 5, 1, np.inf],
        integer=[False, True, True, False],
        row_lower=[9.5, -4, 2, 0],
        row_upper=[12, 3, 3, 2],
        offset=7.0,
        maximise=True,
        names=("z", "y", "b", "w"),
        name="case",
    )
    assert same(read_text(tmp_path, MPS_TEXT), expected)


def test_lp_by_hand(tmp_path: Path) -> None:
    expected = make_mip(
        [[1, 1, 0], [1, 0, -1]],
        costs=[1, 2, -3],
        lower=[-2, 0, 0],
        upper=[8, np.inf, 5],
        integer=[False, True, False],
        row_lower=[2, -np.inf],
        row_upper=[np.inf, 4],
        names=("x", "y", "z"),
        name="case",
    )
    assert same(read_text(tmp_path, LP_TEXT), expected)


def test_constraints_that_are_rows_become_rows(tmp_path: Path) -> None:
    made = read_text(tmp_path, CIP_TEXT)
    assert dense(made).tolist() == [[1, 1, 0], [4, 3, 0], [7, 0, 1], [1, 1, 0]]
    assert made.row_lower.tolist() == [-np.inf, -np.inf, 1, 1]
    assert made.row_upper.tolist() == [1, 5, 9, np.inf]
    assert (made.beyond, made.source, made.maximise) == ((), None, True)


@settings(deadline=None, max_examples=40)
@given(any_mips)
def test_what_scip_gets_comes_back(instance: MIP) -> None:
    model, variables = to_scip(instance)
    assert [variable.name for variable in variables] == plain_names(instance)
    back = from_scip(model, instance.name)
    limited = np.isfinite(instance.row_lower) | np.isfinite(instance.row_upper)
    np.testing.assert_array_equal(dense(back), dense(instance)[limited])
    for field in ("row_lower", "row_upper"):
        np.testing.assert_array_equal(getattr(back, field), getattr(instance, field)[limited])
    for field in ("costs", "lower", "upper", "integer", "offset", "maximise", "beyond", "name"):
        assert same(getattr(back, field), getattr(instance, field)), field
    assert list(back.names) == plain_names(instance)


def test_numbers_keep_all_their_digits() -> None:
    instance = make_mip([[0.1, 1 / 3]], costs=[np.pi, -1e-7 / 3], row_upper=[2 / 3], offset=1 / 7, lower=[-1e9, 0.7])
    back = from_scip(to_scip(instance)[0], instance.name)
    assert same(dataclasses.replace(back, names=()), instance)


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)
def test_what_is_written_comes_back(known: Format, tmp_path: Path) -> None:
    other = make_mip(
        [[1, 2, 3], [4, 0, -1], [1, 1, 0]], row_lower=[-np.inf, 2, 1], row_upper=[5, 2, np.inf], offset=2.5
    )
    for instance in (toy(), other):
        assert known.refusal(instance) is None
        back = read_text(tmp_path, known.write(instance), f"{instance.name}{known.suffixes[0]}")
        order = [plain_names(back).index(name) for name in plain_names(instance)]
        np.testing.assert_array_equal(dense(back)[:, order], dense(instance))
        np.testing.assert_array_equal(back.costs[order], instance.costs)
        np.testing.assert_array_equal(back.integer[order], instance.integer)
        assert same(back.row_lower, instance.row_lower)
        assert same(back.row_upper, instance.row_upper)
        assert (back.offset, back.maximise, back.name) == (instance.offset, instance.maximise, instance.name)


def beyond_rows() -> Any:
    """A model whose optimum, 7, needs its SOS1, indicator and quadratic constraints."""
    model = pyscipopt.Model()
    model.hideOutput()
    y = model.addVar("y", ub=3)
    b, d = (model.addVar(name, vtype="B") for name in "bd")
    k = model.addVar("k", vtype="I", ub=9)
    model.addCons(y + k + b <= 9, name="row")
    model.addConsSOS1([y, b])
    model.addConsIndicator(k <= 2, d)
    model.addCons(y * y <= 4)
    model.setObjective(y + 4 * b + k + 6 * d - 1, "maximize")
    return model


def test_models_beyond_rows_keep_their_source() -> None:
    instance = from_scip(beyond_rows(), "beyond")
    assert instance.names[:4] == ("y", "b", "d", "k")
    assert set(instance.beyond) == {"SOS1", "indicator", "nonlinear"}
    assert dense(instance)[0, :4].tolist() == [1, 1, 0, 1]
    # With d the integer is at most 2: 4 + 2 + 6 - 1; without the binary b there is y = 2 instead.
    assert solve_with_scip(instance) == pytest.approx(11, abs=1e-6)
    for copy in (
        pickle.loads(pickle.dumps(instance)),
        pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(instance)))),
    ):
        assert same(dataclasses.replace(copy, source=None), dataclasses.replace(instance, source=None))
        assert solve_with_scip(copy) == pytest.approx(11, abs=1e-6)
    assert MPS.refusal(instance) == "it holds no SOS1, indicator, nonlinear"
    assert CIP.refusal(instance) is None


def test_models_beyond_rows_are_written_as_cip(tmp_path: Path) -> None:
    instance = from_scip(beyond_rows(), "beyond")
    back = read_text(tmp_path, CIP.write(instance))
    assert sorted(back.beyond) == sorted(instance.beyond)
    assert solve_with_scip(back) == pytest.approx(11, abs=1e-6)


def test_to_scip_leaves_the_source_alone() -> None:
    instance = from_scip(beyond_rows(), "beyond")
    model, variables = to_scip(instance)
    model.chgVarUb(variables[0], 0)
    model.optimizeNogil()
    assert instance.source.model.getStage() == 1  # still a problem that nobody solved
    assert from_scip(instance.source.model, "again").upper[0] == 3


def test_a_model_that_was_solved_is_taken_as_it_was_written() -> None:
    model, variables = to_scip(toy())
    model.optimizeNogil()
    assert same(from_scip(model, toy().name), toy())
    assert len(variables) == 3


def test_semicontinuous_variables_are_beyond_rows(tmp_path: Path) -> None:
    made = read_text(tmp_path, MPS_TEXT.replace(" BV BND       b\n", " BV BND       b\n SC BND       w         8\n"))
    assert made.beyond == ("bounddisjunction",)


def test_implied_integers_may_be_fractions() -> None:
    model = pyscipopt.Model()
    for kind in "BICM":
        model.addVar(kind, vtype=kind)
    assert from_scip(model, "types").integer.tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    ("names", "plain"),
    [
        ((), ["x0", "x1"]),
        (("a", "b[1,2]"), ["x0", "x1"]),
        (("a", "b[1]"), ["a", "b[1]"]),
        (("a", "a"), ["x0", "x1"]),
        (("a", ""), ["x0", "x1"]),
        (("a b", "c"), ["x0", "x1"]),
        (("e1", "c"), ["x0", "x1"]),
        (("Inf", "c"), ["x0", "x1"]),
    ],
)
def test_plain_names(names: tuple[str, ...], plain: list[str]) -> None:
    assert plain_names(make_mip([[1, 1]], names=names)) == plain


def test_rows_that_contradict_themselves_are_refused() -> None:
    wrong = make_mip([[1, 1]], row_lower=[2], row_upper=[1])
    assert MPS.refusal(wrong) == CIP.refusal(wrong) == "one of its rows has a lower limit above its upper one"
    with pytest.raises(CoptError, match="row 0 must be at least 2 and at most 1: nothing is feasible"):
        mps_text(wrong)
    assert MPS.refusal(3) == "it holds mixed-integer programs only"


@pytest.mark.parametrize(
    ("content", "old", "new", "line", "message"),
    [
        (MPS_TEXT, "    w         c3        1", "    w         c9        1", 21, 'Column "w" for row "c9" ignored'),
        (MPS_TEXT, "obj       -1 ", "obj       -x ", 20, "expected a number, found '-x'"),
        (MPS_TEXT, "    RHS       c1        -4 ", "    RHS       c1        -4a", 24, "expected a number, found '-4a'"),
        (MPS_TEXT, "UP BND       y         5", "UP BND       y         five", 31, "found 'five'"),
        (MPS_TEXT, "ENDATA", "", None, "Syntax error"),
        (LP_TEXT, "x + y >= 2", "x + y >= 2 3", 7, "expected sign"),
        (LP_TEXT, "- 3 z", "- 3 4 z", 4, "two consecutive values"),
        (CIP_TEXT, "+<b>[B] <= 1", "+<q>[B] <= 1", 10, "did not find variable"),
        (CIP_TEXT, "[varbound]", "[nobody]", 12, "syntax error when reading constraint"),
    ],
)
def test_a_broken_file_costs_one_line(
    tmp_path: Path, content: str, old: str, new: str, line: int | None, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert old in content
    with pytest.raises(FormatError) as caught:
        read_text(tmp_path, content.replace(old, new, 1))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    if line is not None:
        assert str(caught.value).startswith(f"{tmp_path / 'case.txt'}:{line}:")
    assert capfd.readouterr() == ("", "")


def test_what_is_said_elsewhere_on_standard_error_stays(capfd: pytest.CaptureFixture[str]) -> None:
    import os

    read_model(MPS_TEXT, "mps")
    os.write(2, b"still here\n")
    assert capfd.readouterr().err == "still here\n"


@settings(deadline=None, max_examples=40)
@given(st.sampled_from([MPS_TEXT, LP_TEXT]), st.integers(0, 700), st.text("0 9x\n-+.<=*\\$R", max_size=3))
def test_damaged_files_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: str, place: int, noise: str
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "case"
    path.write_text(content[:place] + noise + content[place + 1 :])
    text = load(path)
    for known in (MPS, LP):
        if known.recognise(text):
            try:
                known.read(text)
            except CoptError as error:
                assert "\n" not in str(error)


def test_other_texts_are_not_recognised(tmp_path: Path) -> None:
    for content in ("NAME : x\nTYPE : TSP\nDIMENSION : 3\n", "3 3\n1 2 3\n", "\\ nothing\n", "minimal text\n", "*\n"):
        path = tmp_path / "x"
        path.write_text(content)
        assert not any(known.recognise(load(path)) for known in FORMATS)


def test_solutions_come_back(tmp_path: Path) -> None:
    point = Point(np.array([1.0, 2.0, 1 / 3]))
    text = format_solution(toy(), point, 18 + 1 / 3)
    assert text == "objective value: 18.333333333333332\nb 1\nk 2\nc 0.3333333333333333\n"
    path = tmp_path / "x.sol"
    path.write_text(text)
    assert same(parse_solution(toy(), load(path)), point)
    path.write_text("solution status: optimal solution found\nobjective value:   4\nk     1 \t(obj:4)\n")
    assert parse_solution(toy(), load(path)).values.tolist() == [0, 1, 0]
    path.write_text("# from elsewhere\n=obj= 4\nk 1.0\nc 5e-1\n")
    assert parse_solution(toy(), load(path)).values.tolist() == [0, 1, 0.5]


def test_solutions_of_scip_itself_are_read(tmp_path: Path) -> None:
    model, _ = to_scip(toy())
    model.optimizeNogil()
    model.writeBestSol(str(tmp_path / "x.sol"))
    assert parse_solution(toy(), load(tmp_path / "x.sol")).values == pytest.approx([1, 2, 1])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("q 1\n", "expected the name of a variable of toy-mip and its value, found 'q'"),
        ("b\n", "expected a number after 'b', found ''"),
        ("b one\n", "expected a number after 'b', found 'one'"),
        ("b nan\n", "expected a number after 'b', found 'nan'"),
        ("b 1_0\n", "expected a number after 'b', found '1_0'"),
    ],
)
def test_broken_solutions_cost_one_line(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "x.sol").write_text(f"=obj= 0\n{content}")
    with pytest.raises(FormatError) as caught:
        parse_solution(toy(), load(tmp_path / "x.sol"))
    assert str(caught.value) == f"{tmp_path / 'x.sol'}:2: {message}"


def test_names() -> None:
    assert names() == ["toy-mip"]
    assert same(named("toy-mip"), toy())
    with pytest.raises(CoptError):
        named("toy")


def test_lp_is_written_as_cplex_has_it() -> None:
    lines = LP.write(toy()).splitlines()
    assert any(line.strip().startswith("Obj: +10 b +4 k +1 c") for line in lines)
    assert "Maximize" in lines


def test_files_are_read_packed_or_not_and_written_by_suffix(tmp_path: Path) -> None:
    for name in ("a.mps", "a.mps.gz", "a.lp", "a.cip", "a.txt"):
        copt.write(toy(), tmp_path / name)
        back = copt.read(tmp_path / name)
        assert same(back.costs, toy().costs)
        assert (back.name, back.names) == ("a", ("b", "k", "c"))
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("b.mps", MPS_TEXT)
    assert copt.read(tmp_path / "b.zip").num_rows == 4


def test_what_mps_cannot_hold_goes_into_cip(tmp_path: Path) -> None:
    instance = from_scip(beyond_rows(), "beyond")
    with pytest.raises(CoptError, match=r"format mps cannot hold beyond: it holds no .*; use format cip"):
        copt.write(instance, tmp_path / "a.mps", format="mps")
    copt.write(instance, tmp_path / "a.mps")
    assert (tmp_path / "a.mps").read_text().startswith("STATISTICS")
