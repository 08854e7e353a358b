import inspect
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from conftest import Invoke
from scripted import Scripted, offer, prove, wait

import copt
from copt import cli
from copt.cli import app
from copt.problems.jobshop import Schedule, check, objective

TOY_SOLUTION = "0:0 1:4 2:6\n0:3 2:5 1:6\n1:0 2:8\n"  # makespan 11
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(copt.__file__).parents[1]), "COLUMNS": "200", "TERM": "dumb"}
COMMAND = [sys.executable, "-m", "copt"]


@pytest.fixture
def stage(scripted: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let file names stand for scripted instances."""

    def put(**plays: tuple[Any, ...]) -> None:
        monkeypatch.setattr(copt, "read", lambda file: Scripted(plays[file], name=file))
        monkeypatch.setattr(
            copt, "write_solution", lambda instance, solution, path, objective: path.write_text(f"{solution}\n")
        )

    return put


def command(name: str) -> Any:
    return typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]


def test_options_of_solve_mirror_the_function() -> None:
    options = {p.name: p.default for p in command("solve").params if p.param_type_name == "option"}
    mirrored = dict(list(inspect.signature(copt.solve).parameters.items())[1:])
    del mirrored["events"]
    for name, parameter in mirrored.items():
        assert options.pop(name) == parameter.default, name
    assert set(options) == {"as_json", "out", "plot", "trace"}


def test_the_verbs() -> None:
    verbs = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert set(verbs) == {"solve", "check", "bench", "generate", "models", "train", "plot", "doctor"}


def test_version(invoke: Invoke) -> None:
    assert invoke("--version") == (0, f"copt {copt.__version__}\n", "")


@pytest.mark.parametrize("verb", ["solve", "check", "bench", "generate", "models", "train", "plot", "doctor"])
def test_every_verb_explains_itself(invoke: Invoke, verb: str) -> None:
    code, out, err = invoke(verb, "-h")
    assert (code, err) == (0, "")
    assert f"Usage: copt {verb}" in out


def test_json_is_the_result_and_nothing_else(stage: Any, invoke: Invoke) -> None:
    stage(play=(offer(9), prove(3), offer(7), prove(7)))
    code, out, err = invoke("solve", "play", "--json", "--seed", "5", "--policy", "none", "--workers", "3")
    assert code == 0
    value = json.loads(out)
    keys = {
        "instance",
        "family",
        "status",
        "stopped_by",
        "objective",
        "bound",
        "gap",
        "seconds",
        "solver",
        "policy",
        "seed",
    }
    assert keys <= set(value)
    assert (value["objective"], value["status"], value["seed"], value["policy"]) == (7, "optimal", 5, None)
    assert [line.split()[2] for line in err.splitlines()[1:]] == ["note", "incumbent", "bound", "incumbent", "bound"]
    assert "workers=3 seed=5" in err


def test_plain_lines_and_summary_without_json(stage: Any, invoke: Invoke) -> None:
    stage(play=(offer(9), prove(9)))
    code, out, err = invoke("solve", "play")
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[0] == "play: scripted, solver actor, policy none"
    assert re.fullmatch(r" +0\.\d\d s  incumbent  objective 9  bound -  gap -  \(actor\)", lines[2])
    assert lines[-1] == "play: 9 (optimal, bound 9, gap 0.00 %), stopped by proved after 0.0 s"


@pytest.mark.parametrize(
    ("play", "code"),
    [
        ((offer(5), prove(5)), 0),
        ((offer(5), prove(1), wait), 0),
        ((wait,), 3),
        ((prove(float("inf")),), 3),
        ((offer(5, -5),), 4),
        ((offer(5, 6),), 4),
    ],
)
def test_exit_codes(stage: Any, invoke: Invoke, play: tuple[Any, ...], code: int) -> None:
    stage(play=play)
    found, _, err = invoke("solve", "play", "--seconds", "0.05", "--out", "play.sol")
    assert found == code
    assert Path("play.sol").exists() == (code == 0)
    assert err.startswith("copt: actor returned a wrong solution of play") == (code == 4)


def test_a_directory_takes_the_output_of_many(stage: Any, invoke: Invoke) -> None:
    stage(a=(offer(5), prove(5)), b=(wait,), c=(offer(6), prove(6)))
    Path("out").mkdir()
    code, out, _ = invoke("solve", "a", "b", "c", "--seconds", "0.05", "--out", "out", "--trace", "out", "--json")
    assert code == 3
    assert [json.loads(line)["instance"] for line in out.splitlines()] == ["a", "b", "c"]
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.csv", "a.sol", "b.csv", "c.csv", "c.sol"]
    assert Path("out/c.sol").read_text() == "6\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("a", "b", "--out", "one.sol"), "2 instances need a directory"),
        (("a", "a", "--out", "."), "two instances have the same name"),
        (("a", "--out", "no/where.sol"), "there is no directory no"),
        (("a", "--plot", "a.doc"), "suffix must be one of"),
        (("a", "--seconds", "-1"), "seconds must be a non-negative number, got -1"),
        (("a", "--seconds", "nan"), "seconds must be a non-negative number, got nan"),
        (("a", "--workers", "0"), "workers must be at least 1, got 0"),
        (("a", "--policy", "nope"), "unknown policy 'nope'"),
        (("a", "--start", "missing.sol"), "family scripted has no file format"),
    ],
)
def test_bad_arguments_are_one_line_before_the_search(
    stage: Any, invoke: Invoke, arguments: tuple[str, ...], complaint: str
) -> None:
    def never(_monitor: object) -> None:
        raise AssertionError("the search began")

    stage(a=(never,), b=(never,))
    code, out, err = invoke("solve", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("copt: ")
    assert complaint in err
    assert err.count("\n") == 1


def test_an_older_solution_is_replaced_whole_or_not_at_all(
    stage: Any, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage(play=(offer(5), prove(5)))
    Path("play.sol").write_text("old")
    assert invoke("solve", "play", "--out", "play.sol")[0] == 0
    assert Path("play.sol").read_text() == "5\n"

    def full(instance: object, solution: object, path: Path, objective: float) -> None:
        path.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(copt, "write_solution", full)
    code, _, err = invoke("solve", "play", "--out", "play.sol")
    assert (code, err) == (2, "copt: play.sol: cannot be written: No space left on device\n")
    assert Path("play.sol").read_text() == "5\n"
    assert [path.name for path in Path().iterdir()] == ["play.sol"]


def test_output_may_be_a_link(stage: Any, invoke: Invoke) -> None:
    stage(play=(offer(5), prove(5)))
    Path("real.sol").touch()
    Path("link.sol").symlink_to("real.sol")
    assert invoke("solve", "play", "--out", "link.sol")[0] == 0
    assert Path("link.sol").is_symlink()
    assert Path("real.sol").read_text() == "5\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_keep_the_incumbent_and_leave_the_rest(stage: Any, invoke: Invoke, number: signal.Signals) -> None:
    stage(a=(offer(5), lambda _: signal.raise_signal(number), wait), b=(offer(1), prove(1)))
    before = signal.getsignal(number)
    code, out, _ = invoke("solve", "a", "b", "--out", ".", "--json")
    assert code == 0
    assert [json.loads(line)["stopped_by"] for line in out.splitlines()] == ["user"]
    assert Path("a.sol").read_text() == "5\n"
    assert signal.getsignal(number) == before


def test_a_trace_can_be_written_and_drawn(stage: Any, invoke: Invoke) -> None:
    stage(play=(offer(9), prove(7), offer(7)))
    assert invoke("solve", "play", "--trace", "play.csv")[0] == 0
    kinds = [line.split(",")[1:] for line in Path("play.csv").read_text().splitlines()]
    assert kinds[0] == ["kind", "value"]
    assert sorted(kinds[1:]) == [["bound", "7"], ["incumbent", "7"], ["incumbent", "9"]]
    assert invoke("plot", "play.csv", "--out", "course.png")[0] == 0
    assert Path("course.png").read_bytes().startswith(b"\x89PNG")


def test_a_solve_can_start_from_a_solution(invoke: Invoke) -> None:
    Path("toy.sol").write_text(TOY_SOLUTION)
    code, out, _ = invoke("solve", "toy", "--start", "toy.sol", "--target", "11", "--policy", "none")
    assert code == 0
    assert re.search(r"incumbent  objective 11 .*\(start\)$", out.splitlines()[1])
    assert len([line for line in out.splitlines() if " incumbent " in line]) == 1


def test_a_start_of_another_instance_is_refused(invoke: Invoke) -> None:
    Path("toy.sol").write_text(TOY_SOLUTION)
    code, out, err = invoke("solve", "ft06", "--start", "toy.sol", "--policy", "none")
    assert (code, out) == (2, "")
    assert err.startswith("copt: toy.sol:")


def test_check_accepts_a_solution(invoke: Invoke) -> None:
    Path("toy.sol").write_text(TOY_SOLUTION)
    assert invoke("check", "toy", "toy.sol") == (0, "toy: feasible, objective 11\n", "")
    code, out, _ = invoke("check", "toy", "toy.sol", "--json")
    verdict = {"instance": "toy", "family": "jobshop", "objective": 11, "guaranteed": True, "violations": []}
    assert (code, json.loads(out)) == (0, verdict)


def test_check_names_what_is_violated(invoke: Invoke) -> None:
    Path("bad.sol").write_text(TOY_SOLUTION.replace("0:3", "0:2"))
    message = "overlap: machine 0 runs operations 0 [0, 3) and 3 [2, 4)"
    assert invoke("check", "toy", "bad.sol") == (4, f"toy: violated {message}\n", "")
    code, out, _ = invoke("check", "toy", "bad.sol", "--json")
    assert (code, json.loads(out)["violations"], json.loads(out)["objective"]) == (4, [message], None)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "broken.txt"),
        (b"3 3\n0 1 1 2\n", "broken.txt:"),
        (b"1 1\n0 -5\n", "broken.txt:2"),
        (b"1 1\n0 1.5\n", "broken.txt:2"),
        (b"\x7fELF\0\0\0", "broken.txt:1"),
    ],
)
@pytest.mark.parametrize("verb", ["solve", "check", "plot"])
def test_a_broken_file_is_one_line(invoke: Invoke, verb: str, content: bytes, complaint: str) -> None:
    Path("broken.txt").write_bytes(content)
    Path("any.sol").write_text(TOY_SOLUTION)
    code, out, err = invoke(verb, "broken.txt", *(["any.sol"] if verb != "solve" else []))
    assert (code, out) == (2, "")
    assert err.startswith(f"copt: {complaint}")
    assert err.count("\n") == 1


def test_an_unknown_instance_gets_a_hint(invoke: Invoke) -> None:
    assert invoke("solve", "ft1o")[2].startswith("copt: unknown instance 'ft1o'; did you mean 'ft10'?")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("solve",), "Usage: copt solve"),
        (("solv", "ft06"), "Did you mean 'solve'?"),
        (("solve", "ft06", "--secnds", "3"), "No such option: --secnds"),
        (("solve", "ft06", "--seconds", "soon"), "Invalid value for '--seconds'"),
        (("check", "toy"), "Missing argument"),
        (("generate", "jobshop", "--kind", "flow", "--jobs", "3"), "Missing option '--machines'"),
        (("generate", "jobshop", "--kind", "flow", "--machine", "3"), "No such option: --machine"),
    ],
)
def test_wrong_usage(invoke: Invoke, arguments: tuple[str, ...], complaint: str) -> None:
    code, out, err = invoke(*arguments)
    assert code == 2
    assert complaint in out + err


def test_models_are_listed_and_shown(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    class Advice:
        name, family = "advice", "jobshop"
        card = {"sha256": "00", "seed": 1}  # noqa: RUF012

    monkeypatch.setattr(cli, "policy_names", lambda: ["advice"])
    monkeypatch.setattr(cli, "load_policy", lambda name: Advice())
    assert invoke("models", "list") == (0, "advice  jobshop\n", "")
    code, out, _ = invoke("models", "show", "advice")
    assert (code, json.loads(out)) == (0, {"sha256": "00", "seed": 1})


def test_an_unknown_model_is_refused(invoke: Invoke) -> None:
    code, _, err = invoke("models", "show", "nope")
    assert (code, err.startswith("copt: unknown policy 'nope'")) == (2, True)


def test_doctor_prints_its_report(invoke: Invoke) -> None:
    code, out, _ = invoke("doctor")
    assert code == 0
    assert out.startswith(f"copt       {copt.__version__} at ")


def test_from_file_to_proof(tmp_path: Path) -> None:
    arguments = ["ft06", "--seconds", "60", "--policy", "none", "--json", "--out", "ft06.sol", "--plot", "ft06.png"]
    done = subprocess.run(
        [*COMMAND, "solve", *arguments], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    value = json.loads(done.stdout)
    assert (value["objective"], value["bound"], value["status"]) == (55, 55, "optimal")
    assert "objective 55" in done.stderr
    solution = copt.read_solution(copt.read("ft06"), tmp_path / "ft06.sol")
    assert isinstance(solution, Schedule)
    verdict = subprocess.run(
        [*COMMAND, "check", "ft06", "ft06.sol"], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True
    )
    assert (verdict.returncode, verdict.stdout) == (0, "ft06: feasible, objective 55\n")
    assert (tmp_path / "ft06.png").read_bytes().startswith(b"\x89PNG")


def begin(tmp_path: Path) -> "subprocess.Popen[str]":
    """Start a solve that would take an hour, and wait for its first solution."""
    process = subprocess.Popen(
        [*COMMAND, "solve", "ta41", "--seconds", "3600", "--policy", "none", "--out", "ta41.sol"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if " incumbent " in line:
            return process
    raise AssertionError(process.communicate()[1])


@pytest.mark.skipif(os.name != "posix", reason="signals of posix")
def test_killed_half_way_it_leaves_a_solution(tmp_path: Path) -> None:
    process = begin(tmp_path)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "stopped by user" in out.splitlines()[-1]
    instance = copt.read("ta41")
    solution = copt.read_solution(instance, tmp_path / "ta41.sol")
    assert check(instance, solution) == []
    assert f"ta41: {objective(instance, solution)} (feasible" in out.splitlines()[-1]


@pytest.mark.skipif(os.name != "posix", reason="pipes of posix")
def test_a_closed_pipe_ends_it_silently(tmp_path: Path) -> None:
    process = begin(tmp_path)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.wait(timeout=120) == 0
    assert process.stderr.read() == ""
    assert (tmp_path / "ta41.sol").exists()
