"""What all tests share."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from copt import registry

Invoke = Callable[..., tuple[int, str, str]]

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")  # whatever else the machine has to do


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register the scripted family for one test."""
    monkeypatch.setitem(registry.FAMILIES, "scripted", registry.Family("scripted", "scripted", "scripted"))


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Invoke:
    """Run the command line in this process, in an empty folder; return exit code, stdout and stderr."""
    from copt.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["copt", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        return int(stop.value.code or 0), captured.out, captured.err

    return run
