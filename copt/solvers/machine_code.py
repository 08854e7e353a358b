"""Machine code that stands alone: cut out of what numba has compiled, linked into later processes without numba."""

import contextlib
import ctypes
import functools
import sys
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

import llvmlite
import llvmlite.binding as llvm

from copt.solvers import results
from copt.solvers.arguments import FIELDS, Array, flat, layout

__all__ = ["Code", "Entry", "alone", "cut_out", "host"]

NOTHING = -2  # what numba's functions return, beside 0, where all went well: there is no value
CODES = {  # what LLVM calls numbers
    "int64": "i64",
    "int32": "i32",
    "uint64": "i64",
    "uint8": "i8",
    "float64": "double",
    "float32": "float",
    "bool": "i8",
}

_LOCK = threading.RLock()


class Code(NamedTuple):
    """Machine code of a kernel for some types.

    Args:
        result: Kind of what it returns.
        binary: An object file that shows one symbol.
    """

    result: results.Kind
    binary: bytes


class Entry:
    """Machine code as a function.

    Args:
        symbol: The symbol that it shows.
        kinds: Kinds of its arguments.
        code: What it is.
    """

    def __init__(self, symbol: str, kinds: tuple[Any, ...], code: Code) -> None:
        with alone():
            address = _linked(symbol, code.binary)
        self._call = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_char_p, ctypes.c_void_p)(address)
        result = results.layout(code.result)
        self._pack, self._unpack = layout(kinds).pack, result.unpack_from
        self._room = ctypes.c_char * max(8, result.size)
        self._shaped = results.shaper(code.result)

    def __call__(self, values: list[Any]) -> Any:
        """Run it on what is told of arguments, and return its result; other threads of Python go on.

        Raises:
            RuntimeError: If it raises anything.
        """
        room = self._room()
        if self._call(self._pack(*values), room) not in (0, NOTHING):
            raise RuntimeError("a kernel has raised an exception")
        return self._shaped(self._unpack(room))


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Keep other threads from LLVM, which serves one at a time, also those that numba compiles in."""
    with _LOCK:
        numba = sys.modules.get("numba.core.compiler_lock")
        with contextlib.nullcontext() if numba is None else numba.global_compiler_lock:
            yield


def host() -> str:
    """Return what machine code can run on beside this machine: those that are like it."""
    return f"{llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()} llvmlite {llvmlite.__version__}"


def cut_out(compiled: Any, symbol: str, kinds: tuple[Any, ...]) -> Code | None:
    """Return the machine code of what numba has compiled, None if it cannot stand alone.

    Of numba's wrappers, which need numba and Python, nothing is left.

    Args:
        compiled: numba's result for one signature.
        symbol: The only symbol that the code is to show.
        kinds: Kinds of the arguments.
    """
    result, inner = results.kind_of(compiled.signature.return_type), flat(kinds)
    if result is None or inner is None:
        return None
    module = llvm.parse_assembly(compiled.library.get_llvm_str())
    function = module.get_function(compiled.fndesc.llvm_func_name)
    text, given = _caller(symbol, function.name, inner)
    if given != [str(argument.type) for argument in function.arguments]:
        return None
    module.link_in(llvm.parse_assembly(text))
    for known in (*module.functions, *module.global_variables):
        if not known.is_declaration and known.name != symbol:
            known.linkage = "internal"
    _drop_unused(module)
    process = ctypes.CDLL(None)
    called = [known.name for known in module.functions if known.is_declaration]
    if not all(name.startswith("llvm.") or hasattr(process, name) for name in called):
        return None
    return Code(result, _target().emit_object(module))


def _caller(symbol: str, name: str, kinds: list[Any]) -> tuple[str, list[str]]:
    """Return code that hands what is told of arguments to a function of numba's, and the types of what it hands over.

    Such a function takes where to put results and exceptions, then for each array its owner and its parent, of no
    interest here, its size, the bytes of an entry, the address of the first, all extents and all strides.
    """
    lines = ["%failure = alloca ptr"]
    given = [("ptr", "%results"), ("ptr", "%failure")]

    def put(code: str) -> str:
        lines.append(f"%v{len(lines)} = {code}")
        return f"%v{len(lines) - 1}"

    def load(code: str, base: str, place: int) -> str:
        return put(f"load {code}, ptr {put(f'getelementptr i8, ptr {base}, i64 {place}')}")

    for k, kind in enumerate(kinds):
        if isinstance(kind, Array):
            array, axes = load("ptr", "%parts", 8 * k), range(kind.dimensions)
            entries, extents, strides = (load("ptr", array, place) for place in FIELDS.values())
            sizes = [load("i64", extents, 8 * axis) for axis in axes]
            steps = [load("i64", strides, 8 * axis) for axis in axes]
            total = functools.reduce(lambda product, size: put(f"mul i64 {product}, {size}"), sizes, "1")
            given += [("ptr", "null"), ("ptr", "null"), ("i64", total), ("i64", str(kind.dtype.itemsize))]
            given += [("ptr", entries), *(("i64", value) for value in (*sizes, *steps))]
        else:
            given.append((CODES[kind], load(CODES[kind], "%parts", 8 * k)))
    types, values = [code for code, _ in given], ", ".join(" ".join(pair) for pair in given)
    lines += [f'%status = call i32 @"{name}"({values})', "ret i32 %status"]
    head = [f'declare i32 @"{name}"({", ".join(types)})', f"define i32 @{symbol}(ptr %parts, ptr %results) {{"]
    return "\n".join([*head, *lines, "}"]), types


def _drop_unused(module: Any) -> None:
    passes = llvm.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    passes.add_strip_dead_prototype_pass()
    passes.run(module, llvm.create_pass_builder(_target(), llvm.create_pipeline_tuning_options()))


def _linked(symbol: str, binary: bytes) -> int:
    """Return where ``symbol`` begins once ``binary`` is part of the process."""
    engine = _engine()
    engine.add_object_file(llvm.ObjectFileRef.from_data(binary))
    engine.finalize_object()
    address: int = engine.get_function_address(symbol)
    return address


@functools.cache
def _engine() -> Any:
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), _target())


@functools.cache
def _target() -> Any:
    """Return this machine, as numba compiles for it."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features().flatten()
    target = llvm.Target.from_default_triple()
    reloc = "static" if target.triple.startswith("x86") else "default"
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features, opt=3, reloc=reloc, codemodel="jitdefault", jit=True
    )
