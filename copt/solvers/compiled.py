"""How kernels are compiled, and called.

Every kernel works on arrays that its Python caller owns, so it needs no reference counts of its own. numba would
count every array of every tuple that is handed from kernel to kernel, with atomic operations that cost ten times as
much as the search itself. Without them a kernel cannot allocate: room comes with the arguments.

What numba has compiled is kept as plain machine code. Later processes link that in milliseconds, where importing numba
and reading its own cache would take them a second before the first step of any search.
"""

import functools
import sys
import threading
from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar, cast

from copt.solvers.arguments import kinds_of, readable, told
from copt.solvers.machine_code import Entry, alone
from copt.solvers.objects import Objects

__all__ = ["Kernel", "allocating", "allocating_fused", "fused", "inlined", "kernel"]

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
BARE = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # only Python calls those
LOOSE = {"contract", "nsz", "reassoc"}  # what a fused kernel may do to sums; infinities and NaN stay what they are

Function = TypeVar("Function", bound=Callable[..., Any])


class Kernel:
    """A function that is compiled on first use for each combination of types, to be called from Python or from others.

    Args:
        function: What is compiled.
        options: Of numba's ``njit``.
        plain: Whether its machine code can stand alone; what allocates needs numba beside it.

    Attributes:
        kept_by_numba: Whether it is numba that keeps what is compiled.
    """

    def __init__(self, function: Callable[..., Any], options: dict[str, Any], *, plain: bool) -> None:
        functools.update_wrapper(self, function)
        self.py_func = cast("FunctionType", function)
        self.targetoptions = options  # where numba looks for what is to be inlined
        closed = self.py_func.__closure__ is None  # what an open one holds is in no file
        self._plain = plain and closed
        self.kept_by_numba = closed and not (plain and readable())
        self._entries: dict[tuple[int, ...], Entry | None] = {}
        self._lock = threading.Lock()

    def __call__(self, *arguments: Any) -> Any:
        """Run it, compiled for the types of ``arguments``."""
        if not self._plain:
            return self.dispatcher(*arguments)
        kinds, values = told(arguments)
        try:
            entry = self._entries[kinds]
        except KeyError:
            entry = self._enter(kinds, arguments)
        return self.dispatcher(*arguments) if entry is None else entry(values)

    @functools.cached_property
    def dispatcher(self) -> Any:
        """What numba calls it by from Python."""
        return self._jitted(self.targetoptions)

    @functools.cached_property
    def bare(self) -> Any:
        """What other kernels call, and machine code is cut out of: without wrappers, which take long to compile."""
        return self._jitted(self.targetoptions | BARE) if self._plain and readable() else self.dispatcher

    @property
    def _numba_type_(self) -> Any:
        return self.bare._numba_type_

    def _jitted(self, options: dict[str, Any]) -> Any:
        if "numba" not in sys.modules:
            with alone():
                import numba  # noqa: F401  (not while another thread links)
        from numba import njit

        return njit(cache=self.kept_by_numba, **options)(self.py_func)

    @property
    def signatures(self) -> list[Any]:
        """The combinations of types that it was called with."""
        return [*self._entries] if self._plain else list(self.dispatcher.signatures)

    def parts(self) -> dict[str, str]:
        """Return names and files of this kernel and of all those that it calls."""
        found: dict[str, str] = {}
        waiting = [self]
        while waiting:
            one = waiting.pop()
            name = f"{one.__module__}.{one.py_func.__qualname__}"
            if name not in found:
                found[name] = one.py_func.__code__.co_filename
                waiting.extend(value for value in _named_in(one.py_func) if isinstance(value, Kernel))
        return found

    def _enter(self, kinds: tuple[int, ...], arguments: tuple[Any, ...]) -> Entry | None:
        """Return what runs it for these types, None if only numba can; compile it if no process has before."""
        with self._lock:
            if kinds not in self._entries:
                objects = Objects(self.py_func, kinds_of(kinds), self.targetoptions, self.parts())
                self._entries[kinds] = objects.linked(lambda: self._compiled(arguments))
            return self._entries[kinds]

    def _compiled(self, arguments: tuple[Any, ...]) -> Any:
        """Return what numba makes of it for these types."""
        from numba import typeof

        types = tuple(typeof(argument) for argument in arguments)  # type: ignore[no-untyped-call]
        self.bare.compile(types)
        return self.bare.overloads[types]


def _named_in(function: FunctionType) -> list[Any]:
    """Return the values that a function knows by name from outside of it."""
    code, known = function.__code__, function.__globals__
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    return [known[name] for name in code.co_names if name in known] + cells


def kernel(function: Function) -> Function:
    """Compile ``function`` on first use, to be called from Python or from other kernels."""
    return cast("Function", Kernel(function, OPTIONS, plain=True))


def inlined(function: Function) -> Function:
    """Compile ``function`` as part of each kernel that calls it."""
    return cast("Function", Kernel(function, OPTIONS | {"inline": "always"}, plain=True))


def fused(function: Function) -> Function:
    """Compile ``function`` as ``kernel`` does, for vector units: sums may be reordered, and products fused into them.

    Its results may differ in the last bits from one machine to another.
    """
    return cast("Function", Kernel(function, OPTIONS | {"fastmath": LOOSE}, plain=True))


def allocating(function: Function) -> Function:
    """Compile ``function`` with reference counts, so that it can make arrays of its own; not for what loops call."""
    return cast("Function", Kernel(function, {"nogil": True}, plain=False))


def allocating_fused(function: Function) -> Function:
    """Compile ``function`` as ``allocating`` and ``fused`` do."""
    return cast("Function", Kernel(function, {"nogil": True, "fastmath": LOOSE}, plain=False))
