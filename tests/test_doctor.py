import importlib.metadata
import os
import re
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

import copt
from copt import doctor, registry
from copt.doctor import report


def test_it_says_where_copt_is_and_what_it_runs_on() -> None:
    lines = {line.split()[0]: line for line in report()}
    assert lines["copt"].startswith(f"copt       {copt.__version__} at ")
    assert re.fullmatch(r"cores +\d+ usable of \d+", lines["cores"])
    assert re.search(r"\d+ of \d+ compiled in .+", lines["kernels"])
    assert "policies" in lines


def test_packages_are_grouped_by_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    requirements = ["numpy>=1.26", "no-such-package>=1", 'pytest; extra == "dev"', "ray>=2.9 ; extra == 'ray'"]
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: requirements)
    lines = [line for line in report() if line.startswith(("packages", "["))]
    numpy, pytest_version = (importlib.metadata.version(name) for name in ("numpy", "pytest"))
    assert lines[0] == f"packages   numpy {numpy}, no-such-package missing"
    assert lines[1] == f"[dev]      pytest {pytest_version}"
    assert lines[2].startswith("[ray]      ray ")


def test_a_checkout_on_the_path_has_no_package_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "DISTRIBUTION", "no-such-distribution")
    assert any("no-such-distribution is not installed" in line for line in report())


def test_a_cache_that_cannot_be_written_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert any("set NUMBA_CACHE_DIR" in line for line in report())


def test_warm_asks_every_solver_to_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    warmed: list[str] = []
    solvers = {name: SimpleNamespace(warm=lambda name=name: warmed.append(name)) for name in registry.FAMILIES}
    solvers["encoding"] = SimpleNamespace()
    monkeypatch.setattr(registry.Family, "load", lambda family, room: solvers[family.name])
    monkeypatch.setattr(
        doctor, "ProcessPoolExecutor", lambda _, mp_context: ThreadPoolExecutor(1)
    )  # to see what it does
    lines = [line for line in report(warm=True) if line.startswith("warmed")]
    assert warmed == ["jobshop", "routing", "robust", "control", "mip"]
    assert [line.split()[1] for line in lines] == warmed
    assert re.fullmatch(r"warmed     jobshop in \d+\.\d s", lines[0])
