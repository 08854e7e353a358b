"""The verb ``bench`` hands its options on."""

import inspect
from pathlib import Path
from typing import Any

import pytest
import typer
from conftest import Invoke

from copt.cli import app


def test_bench_hands_its_options_on(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    from copt.bench import runner

    heard: dict[str, Any] = {}

    def run_suite(suite: str, **options: Any) -> Path:
        heard.update(options, suite=suite)
        return Path("page.html")

    monkeypatch.setattr(runner, "run_suite", run_suite)
    arguments = ["--seconds", "1,5", "--peers", "cpsat, pyjobshop", "--seeds", "2", "--out", "o", "--limit", "3"]
    assert invoke("bench", "jobshop-ta", *arguments, "--names", "ta51-60,ta01") == (0, "page.html\n", "")
    assert heard == {
        "suite": "jobshop-ta",
        "seconds": [1.0, 5.0],
        "peers": ["cpsat", "pyjobshop"],
        "seeds": 2,
        "out": Path("o"),
        "folder": None,
        "limit": 3,
        "workers": 2,
        "names": ["ta51-60", "ta01"],
    }
    assert invoke("bench", "jobshop-ta", "--seconds", "soon")[0] == 2


def test_bench_measures_streams(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    from copt.bench import streams

    heard: dict[str, Any] = {}

    def run_streams(**options: Any) -> str:
        heard.update(options)
        return "a table"

    monkeypatch.setattr(streams, "run_streams", run_streams)
    assert invoke("bench", "mip-stream", "--seconds", "3", "--names", "a*,b", "--out", "o") == (0, "a table\n", "")
    assert heard == {"seconds": 3.0, "length": 50, "out": Path("o"), "workers": 2, "names": ["a*", "b"]}


def test_bench_options_are_those_of_the_runner() -> None:
    from copt.bench.runner import run_suite

    bench = typer.main.get_command(app).get_command(None, "bench")  # type: ignore[attr-defined]
    known = set(inspect.signature(run_suite).parameters)
    assert {parameter.name for parameter in bench.params} <= known
