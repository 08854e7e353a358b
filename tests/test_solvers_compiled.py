"""Kernels count no references, and run as machine code of their own: in later processes without numba."""

import gc
import os
import subprocess
import sys
import textwrap
import threading
import weakref
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from numpy.typing import NDArray

from copt.solvers import arguments, objects
from copt.solvers.arguments import kinds_of, told
from copt.solvers.compiled import Kernel, allocating, inlined, kernel


class Pair(NamedTuple):
    """Two arrays that travel together."""

    one: NDArray[Any]
    two: NDArray[Any]


class Nested(NamedTuple):
    """A number, a pair, an array."""

    number: int
    pair: Pair
    table: NDArray[Any]


class Found(NamedTuple):
    """What a kernel has found."""

    place: int
    value: float
    good: bool


def first(pair: Pair, k: int) -> float:
    return float(pair.one[k] - pair.two[k])


def counted(decorator: Any, inner: Any) -> int:
    """References counted in a kernel that hands a pair of arrays to another one."""

    def outer(pair: Pair) -> float:
        total = 0.0
        for k in range(pair.one.size):
            total += inner(pair, k)
        return total

    compiled = decorator(outer)
    compiled = getattr(compiled, "dispatcher", compiled)
    pair = Pair(np.arange(3.0), np.ones(3))
    assert compiled(pair) == 0.0
    return sum(code.count("NRT_incref") for code in compiled.inspect_llvm().values())


@pytest.mark.parametrize("decorator", [kernel, inlined])
def test_kernels_count_no_references(decorator: Any) -> None:
    assert counted(kernel, decorator(first)) == 0


def test_ordinary_compilation_would_count_them() -> None:
    assert counted(njit, njit(first)) > 0


@pytest.mark.skipif(not arguments.readable(), reason="numba runs every kernel on this system")
def test_what_only_kernels_call_has_no_wrappers_for_python() -> None:
    one, given = kernel(first), (Pair(np.arange(3.0), np.ones(3)), 2)
    wrapped = one.dispatcher  # type: ignore[attr-defined]
    assert wrapped(*given) == 1.0
    (with_them,), without = wrapped.inspect_llvm().values(), one._compiled(given)  # type: ignore[attr-defined]
    assert ("cpython" in with_them, "cfunc" in with_them) == (True, True)
    assert "cpython" not in without.library.get_llvm_str()
    assert "cfunc" not in without.library.get_llvm_str()


def test_a_kernel_divides_as_numpy_does() -> None:
    @kernel
    def inverse(x: float) -> float:
        return 1.0 / x

    assert inverse(0.0) == np.inf


@kernel
def weighed(nested: Nested, scale: float, turn: bool, offset: int) -> float:
    """Return a sum that every argument and every place of every array counts in."""
    total = float(nested.number) * 1e6 + float(offset) * 1e3
    for k in range(nested.pair.one.size):
        total += (k + 1) * nested.pair.one[k] * (nested.pair.two[k] if turn else 1.0)
    for i in range(nested.table.shape[0]):
        for j in range(nested.table.shape[1]):
            total += scale * (i + 1) * (j + 2) * nested.table[i, j]
    return total


@kernel
def largest(values: NDArray[Any], least: float) -> Found:
    """Return place and value of the largest entry, and whether it is large enough."""
    place = 0
    for k in range(values.size):
        if values[k] > values[place]:
            place = k
    return Found(place, float(values[place]), bool(values[place] >= least))


@kernel
def fill(values: NDArray[Any], value: float) -> None:
    """Set all entries."""
    for k in range(values.size):
        values[k] = value


@kernel
def checked(values: NDArray[Any], k: int) -> float:
    """Return an entry, of those that there are."""
    if k >= values.size:
        raise ValueError
    return float(values[k])


@allocating
def doubled(values: NDArray[Any]) -> NDArray[Any]:
    """Return a new array."""
    return values * 2.0


def entry_of(function: Any) -> list[Any]:
    """Return what runs a kernel, for each combination of types that it was called with."""
    assert isinstance(function, Kernel)
    return list(function._entries.values())


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(0, 5),
    shape=st.tuples(st.integers(0, 3), st.integers(0, 4)),
    order=st.sampled_from(["C", "F", "strided", "readonly"]),
    kind=st.sampled_from([np.float64, np.int32, np.uint8]),
    number=st.integers(-(2**40), 2**40),
    scale=st.floats(-5, 5),
    turn=st.booleans(),
    seed=st.integers(0, 99),
)
def test_machine_code_does_what_its_function_says(
    size: int, shape: tuple[int, int], order: str, kind: Any, number: int, scale: float, turn: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    table = rng.integers(0, 9, (2 * shape[0], 3 * shape[1])).astype(kind)
    table = (
        table[::2, ::3]
        if order == "strided"
        else np.array(table[: shape[0], : shape[1]], order="F" if order == "F" else "C")
    )
    table.flags.writeable = order != "readonly"
    nested = Nested(number, Pair(rng.random(size), rng.random(size)), table)
    expected = weighed.__wrapped__(nested, scale, turn, -7)  # type: ignore[attr-defined]
    # Sums of at most two dozen terms in the same order: equal but for products fused into them.
    assert weighed(nested, scale, turn, -7) == pytest.approx(expected, rel=1e-12, abs=1e-9)
    assert None not in entry_of(weighed)


@pytest.mark.parametrize("one", [3, np.int64(3), np.int32(3), np.uint64(3), np.uint8(3), np.float32(3), 3.0, True])
def test_numbers_of_all_kinds_arrive(one: Any) -> None:
    assert checked(np.arange(10.0), int(one)) == int(one)
    values = np.zeros(2)
    fill(values, one)
    assert values.tolist() == [float(one)] * 2


def test_results_are_numbers_tuples_and_nothing() -> None:
    found = largest(np.array([1.0, 5.0, 2.0]), 4.0)
    assert type(found) is Found
    assert found == (1, 5.0, True)
    assert largest(np.array([1.0, 5.0, 2.0]), 6.0).good is False
    assert fill(np.zeros(1), 1.0) is None
    assert doubled(np.ones(2)).tolist() == [2.0, 2.0]


def test_what_machine_code_cannot_take_numba_does() -> None:
    least: Any = np.bool_(True)
    assert largest(np.array([1.0, 5.0]), least) == (1, 5.0, True)
    assert None in entry_of(largest)


def test_an_exception_in_a_kernel_is_one_in_python() -> None:
    assert checked(np.ones(2), 1) == 1.0
    with pytest.raises(RuntimeError, match="a kernel has raised"):
        checked(np.ones(2), 2)


def test_tuples_are_recognised_by_their_very_arrays() -> None:
    """Many short-lived tuples: some lie where others lay before."""
    for k in range(2000):
        nested = Nested(0, Pair(np.full(2, float(k)), np.ones(2)), np.zeros((0, 0)))
        assert weighed(nested, 0.0, False, 0) == 3.0 * k


def test_kinds_tell_numbers_and_types_apart() -> None:
    table, pair = np.zeros((1, 1)), Pair(np.zeros(1), np.zeros(1))
    kinds = [told((Nested(number, pair, table),))[0] for number in (1, True, 1.0)]  # type: ignore[arg-type]
    assert len(set(kinds)) == 3
    assert kinds_of(kinds[0])[0].members[0] == "int64"


def test_nothing_keeps_the_arrays_of_a_call() -> None:
    values = np.ones(4)
    gone = weakref.ref(values)
    pair = Pair(values, np.ones(4))
    weighed(Nested(0, pair, np.zeros((1, 1))), 1.0, True, 0)
    del values, pair
    gc.collect()
    assert gone() is None


def test_threads_may_compile_at_the_same_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "folder_of", lambda _: tmp_path)
    ours = [kernel(function) for function in (largest.__wrapped__, checked.__wrapped__, fill.__wrapped__)]  # type: ignore[attr-defined]
    kinds, failures = (np.float64, np.float32, np.int32), []

    def work(kind: Any) -> None:
        try:
            values = np.arange(4).astype(kind)
            assert ours[0](values, 1.0) == (3, 3.0, True)
            assert ours[1](values, 2) == 2.0
            ours[2](values, 7.0)
            assert values.tolist() == [7.0] * 4
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(kind,)) for kind in kinds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(list(tmp_path.glob("*.obj"))) == 9


OUTER = """
    import sys
    import numpy as np
    from inner_kernels import add
    from copt.solvers.compiled import kernel

    @kernel
    def twice(values, x):
        return add(values[0], x) + add(values[1], x)

    if __name__ == "__main__":
        print(twice(np.array([1.0, 2.0]), 10.0), "numba" in sys.modules)
"""
INNER = """
    from copt.solvers.compiled import kernel

    @kernel
    def add(x, y):
        return x {sign} y
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A script with a kernel that calls one of another file."""
    (tmp_path / "outer_kernels.py").write_text(textwrap.dedent(OUTER))
    (tmp_path / "inner_kernels.py").write_text(textwrap.dedent(INNER.format(sign="+")))
    return tmp_path / "outer_kernels.py"


def run(program: Path, **environment: str) -> list[str]:
    """Return what a script prints."""
    done = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, check=True, env=os.environ | environment
    )
    return done.stdout.split()


def test_a_second_process_needs_no_numba(program: Path) -> None:
    assert run(program) == ["23.0", "True"]
    assert run(program) == ["23.0", "False"]


def test_a_change_in_a_kernel_that_is_called_is_noticed(program: Path) -> None:
    assert run(program) == ["23.0", "True"]
    inner = program.with_name("inner_kernels.py")
    inner.write_text(textwrap.dedent(INNER.format(sign="*")))
    os.utime(inner, ns=(1, 1))  # whatever the clock says of the two versions
    assert run(program) == ["30.0", "True"]
    assert run(program) == ["30.0", "False"]


def test_a_damaged_file_is_made_anew(program: Path) -> None:
    run(program)
    (file,) = (program.parent / "__pycache__").glob("outer_kernels.twice-*.obj")
    whole = file.read_bytes()
    for damaged in (whole[:-20], whole[:10], b"", b"{}\n"):
        file.write_bytes(damaged)
        assert run(program) == ["23.0", "True"]
    assert run(program) == ["23.0", "False"]


def test_another_folder_can_be_chosen(program: Path) -> None:
    chosen = program.parent / "elsewhere"
    assert run(program, NUMBA_CACHE_DIR=str(chosen)) == ["23.0", "True"]
    assert run(program, NUMBA_CACHE_DIR=str(chosen)) == ["23.0", "False"]
    assert len(list(chosen.glob("outer_kernels.twice-*.obj"))) == 1


def test_where_nothing_can_be_kept_every_process_compiles(program: Path) -> None:
    blocked = program.parent / "file"
    blocked.write_text("")
    for _ in range(2):
        assert run(program, NUMBA_CACHE_DIR=str(blocked)) == ["23.0", "True"]


SOLVED = {
    "shop": """
        instance = copt.read("ft10")
    """,
    "flexible shop": """
        jobs = [[[(m, 3 + j * m % 7), ((m + 1) % 4, 5)] for m in range(4)] for j in range(6)]
        instance = copt.JobShop.from_jobs(jobs)
    """,
    "tour": """
        instance = copt.Routing(coordinates=np.random.default_rng(0).integers(0, 9999, (300, 2)), metric="euc_2d")
        Ascent(instance, 1e6, 1).step()  # which a search without a limit on moves does beside it
    """,
}
SOLVE = """
import sys
import numpy as np
import copt
from copt.solvers.routing.bounds import Ascent
{instance}
result = copt.solve(instance, moves=100, workers=1, seconds=3600.0)  # to compile may take minutes
print(result.stopped_by.name, "numba" in sys.modules)
"""


@pytest.mark.parametrize("name", SOLVED)
def test_a_second_process_solves_without_numba(name: str, tmp_path: Path) -> None:
    program = tmp_path / "solve.py"
    program.write_text(SOLVE.format(instance=textwrap.dedent(SOLVED[name])))
    run(program)  # compiles what no process has before
    assert run(program) == ["MOVES", "False"]
