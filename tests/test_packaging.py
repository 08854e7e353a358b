"""The wheel, built and installed away from the checkout, and the pins that it is tested with."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SOURCES = ["pyproject.toml", "README.md", "LICENSE", "copt", "envs", "models", "instances"]
CHECK = """
import importlib.util, json, sys
from pathlib import Path
import copt, copt.envs, copt.instances, copt.models, copt.plugins.scip, copt.solvers.mip
from copt.models import store
for word in ("envs", "models", "instances"):
    assert importlib.util.find_spec(word) is None, word
    assert f"copt.{word}" in sys.modules
home = Path(copt.__file__).parent
assert home.is_relative_to(sys.prefix), home
assert (home / "py.typed").exists()
cards = {path.stem for path in Path(store.__file__).parent.glob("cards/*.json")}
weights = {path.stem for path in Path(store.__file__).parent.glob("weights/*.safetensors")}
assert cards == weights == set(store.names())
assert all(store.load(name).weights for name in store.names())
assert copt.read("ft10").num_operations == 100
assert copt.instances.best_known("ft10").upper == 930
print(json.dumps(sorted(store.names())))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the source distribution, and the wheel from it, of a copy of the checkout."""
    copy, out = tmp_path_factory.mktemp("copy") / "copt", tmp_path_factory.mktemp("dist")
    copy.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=ignored)
        else:
            shutil.copy(ROOT / name, copy / name)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(copy)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = out.glob("*.whl")
    return path


def test_the_wheel_holds_copt_and_nothing_beside_it(wheel: Path) -> None:
    names = ZipFile(wheel).namelist()
    info = f"copt_solver-{PROJECT['version']}.dist-info"
    assert {name.split("/")[0] for name in names} == {"copt", info}
    sources = {
        path.relative_to(ROOT).as_posix()
        for folder in ("copt", "envs", "models", "instances")
        for path in (ROOT / folder).rglob("*.py")
        if not path.relative_to(ROOT).as_posix().startswith(("copt/envs/", "copt/models/", "copt/instances/"))
    }
    expected = {name if name.startswith("copt/") else f"copt/{name}" for name in sources}
    assert {name for name in names if name.endswith(".py")} == expected
    assert {"copt/py.typed", "copt/instances/data/ft10.txt"} <= set(names)
    assert not [name for name in names if name.endswith((".pkl", ".pt", ".pyc", ".nbi", ".nbc"))]


def test_the_wheel_works_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    venv.create(home, with_pip=False)
    scheme = sysconfig.get_paths("venv", vars={"base": str(home), "platbase": str(home)})
    interpreter = Path(scheme["scripts"]) / Path(sys.executable).name
    pip = [sys.executable, "-m", "pip", "--python", str(interpreter), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    # what copt needs is taken from here, behind what was just installed
    (Path(scheme["purelib"]) / "behind.pth").write_text(sysconfig.get_path("purelib") + "\n")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}

    def run(*command: str) -> str:
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(str(interpreter), "-c", CHECK)
    copt = str(interpreter.with_name("copt"))
    assert run(copt, "--version") == f"copt {PROJECT['version']}\n"
    (tmp_path / "toy.sol").write_text("0:0 1:4 2:6\n0:3 2:5 1:6\n1:0 2:8\n")
    assert run(copt, "check", "toy", "toy.sol") == "toy: feasible, objective 11\n"
    assert f"copt       {PROJECT['version']} at {home}" in run(copt, "doctor")


def test_the_version_is_written_once_more_in_the_package() -> None:
    import copt

    assert copt.__version__ == PROJECT["version"]


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {name.lower().replace("_", "-"): version for name, version in pairs}


@pytest.mark.parametrize("group", ["", "train", "bench", "dev"])
def test_every_requirement_is_pinned_within_its_range(group: str) -> None:
    requirements = PROJECT["optional-dependencies"][group] if group else PROJECT["dependencies"]
    for requirement in map(Requirement, requirements):
        version = pins()[requirement.name.lower().replace("_", "-")]
        assert requirement.specifier.contains(version), requirement


def test_torch_is_pinned() -> None:
    assert pins()["torch"] == "2.13.0"
