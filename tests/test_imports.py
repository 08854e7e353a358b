"""The arrows between the rooms of the house, and what a bare import may cost."""

import ast
import functools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = {
    "copt": ROOT / "copt",
    "copt.envs": ROOT / "envs",
    "copt.models": ROOT / "models",
    "copt.instances": ROOT / "instances",
}

CORE = {"copt.errors", "copt.problems", "copt.result", "copt.stop", "copt.events", "copt.monitor", "copt.policy"}
ALLOWED = {  # a room, and all that it may import of copt
    "copt.errors": set[str](),
    "copt.problems": {"copt.errors"},
    "copt.result": {"copt.errors", "copt.problems"},
    "copt.stop": {"copt.errors", "copt.problems"},
    "copt.events": CORE,
    "copt.monitor": CORE,
    "copt.policy": CORE | {"copt.models"},  # the one door of solvers to trained policies
    "copt.instances": CORE,
    "copt.solvers": CORE | {"copt.instances"},
    "copt.plugins": CORE | {"copt.instances", "copt.solvers"},
    "copt.envs": CORE | {"copt.instances"},
    "copt.models": CORE | {"copt.instances", "copt.envs"},
}
# Training runs label their own data, and measure what they learned.
TRAINING = {"copt", "copt.solve", "copt.batch", "copt.registry", "copt.read", "copt.solvers", "copt.plugins"}
DOORS = {
    "copt.read",
    "copt.policy",
    "copt.bench",
    "copt.cli",
    "copt.forward",
    "copt.plot_control",
}  # from copt into the top folders
LAZY = {
    "torch",
    "torch_geometric",
    "lightning_fabric",
    "matplotlib",
    "networkx",
    "ortools",
    "llvmlite",
    "numba",
    "scipy",
    "gymnasium",
    "ray",
    "pyvrp",
    "pyscipopt",
    "highspy",
    "pymunk",
    "PIL",
}
OWNERS = {  # who may import a package at all
    "torch": {"copt.models", "copt.bench"},  # peers of the benchmark are written in it
    "torch_geometric": {"copt.models"},
    "lightning_fabric": {"copt.models"},
    "matplotlib": {"copt.plot", "copt.plot_control", "copt.plot_style"},
    "ortools": {"copt.solvers", "copt.bench"},
    "llvmlite": {"copt.solvers"},
    "numba": {"copt.solvers", "copt.doctor"},
    "gymnasium": {"copt.envs"},
    "pymunk": {"copt.envs"},
    "PIL": {"copt.plot"},
    "ray": {"copt.batch"},
    "pyvrp": {"copt.solvers", "copt.bench"},
    "pyscipopt": {"copt.instances", "copt.envs", "copt.solvers", "copt.plugins", "copt.bench"},
    "highspy": {"copt.solvers", "copt.bench"},
}


def modules() -> dict[str, Path]:
    """Return every module of copt by its name; the links in copt/ to the top folders are not followed."""
    found = {}
    for package, folder in ROOMS.items():
        for path in sorted(folder.rglob("*.py")):
            inside = path.relative_to(folder).with_suffix("").parts
            if folder == ROOT / "copt" and inside[0] in ("envs", "models", "instances"):
                continue
            name = ".".join([package, *inside]).removesuffix(".__init__")
            found[name] = path
    return found


MODULES = modules()


@functools.cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path, *, everywhere: bool = True) -> Iterator[str]:
    """Yield what a module imports: anywhere, functions included, or only when it is itself imported."""
    todo: list[ast.AST] = list(parsed(path).body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else str(node.module) for name in names)
        elif everywhere or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.If):
            todo += ast.iter_child_nodes(node)


def room(module: str) -> str:
    """Return ``copt.solvers`` for ``copt.solvers.jobshop.engine``."""
    return ".".join(module.split(".")[:2])


@pytest.mark.parametrize("name", [name for name in MODULES if room(name) in ALLOWED])
def test_the_arrows(name: str) -> None:
    allowed = ALLOWED[room(name)] | {room(name)}
    if name.startswith("copt.models.train_"):
        allowed = allowed | TRAINING
    strangers = {m for m in imported(MODULES[name]) if m.split(".")[0] == "copt" and room(m) not in allowed}
    assert strangers == set()


@pytest.mark.parametrize("name", [name for name in MODULES if room(name) not in {*ALLOWED, *DOORS}])
def test_only_the_doors_lead_from_copt_into_the_top_folders(name: str) -> None:
    tops = {m for m in imported(MODULES[name]) if room(m) in ("copt.envs", "copt.models", "copt.instances")}
    assert tops == set()


@pytest.mark.parametrize("name", ["copt.read", "copt.policy", "copt.cli", "copt.forward", "copt.plot_control"])
def test_the_doors_are_lazy(name: str) -> None:
    at_once = {
        m
        for m in imported(MODULES[name], everywhere=False)
        if room(m) in ("copt.envs", "copt.models", "copt.instances")
    }
    assert at_once == set()


@pytest.mark.parametrize("package", OWNERS)
def test_heavy_packages_have_one_home(package: str) -> None:
    users = {name for name, path in MODULES.items() if package in {m.split(".")[0] for m in imported(path)}}
    assert {name for name in users if room(name) not in OWNERS[package]} == set()


def test_modules_are_found() -> None:
    assert {
        "copt",
        "copt.solve",
        "copt.solvers.jobshop",
        "copt.envs",
        "copt.models.store",
        "copt.instances.jobshop",
    } <= set(MODULES)


def run(code: str) -> "subprocess.CompletedProcess[str]":
    """Run ``code`` in a fresh interpreter."""
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)


def loaded_by(code: str) -> set[str]:
    """Return the top packages that a fresh interpreter holds after ``code``."""
    report = "import sys, json; json.dump(sorted({m.split('.')[0] for m in sys.modules}), sys.stderr)"
    return set(json.loads(run(f"{code}\n{report}").stderr))


def test_import_copt_is_light() -> None:
    held = loaded_by("import copt")
    assert held & LAZY == set()
    assert held & {"rich", "typer"} == set()


def test_import_copt_is_silent() -> None:
    done = run("import logging, copt; print(len(logging.root.handlers), logging.getLogger('copt').handlers)")
    assert (done.stdout, done.stderr) == ("0 [<NullHandler (NOTSET)>]\n", "")


def test_the_plug_ins_are_light_until_they_are_attached() -> None:
    assert loaded_by("import copt.plugins, copt.mip") & LAZY == set()
    assert "torch" not in loaded_by("import copt.plugins.scip, copt.plugins.cpsat")


def test_help_is_light() -> None:
    lines = [
        "import contextlib, sys",
        "from copt.cli import main",
        "sys.argv = ['copt', '--help']",
        "with contextlib.suppress(SystemExit): main()",
    ]
    assert loaded_by("\n".join(lines)) & LAZY == set()


def test_reading_and_checking_needs_no_solver() -> None:
    lines = [
        "import copt",
        "from copt.registry import family_of",
        "family_of(copt.read('ft10')).load('problem').check",
    ]
    assert loaded_by("\n".join(lines)) & LAZY == set()
