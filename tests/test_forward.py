import importlib
import pkgutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import Invoke

import copt
from copt import cli, forward
from copt.errors import MissingExtraError, UnknownNameError
from copt.instances.jobshop import GENERATORS
from copt.problems.base import same


@pytest.mark.parametrize("kind", GENERATORS)
def test_generated_instances_can_be_read_back(invoke: Invoke, kind: str) -> None:
    arguments = ["generate", "jobshop", "--kind", kind, "--jobs", "4", "--machines", "3", "--seed", "7"]
    code, out, err = invoke(*arguments)
    assert (code, err) == (0, "")
    Path("printed.txt").write_text(out)
    assert invoke(*arguments, "--out", "written.txt") == (0, "", "")
    expected = GENERATORS[kind](jobs=4, machines=3, seed=7)
    assert same(copt.read("printed.txt"), expected)
    assert same(copt.read("written.txt"), expected)


def test_kinds_may_be_spelled_with_underscores(invoke: Invoke) -> None:
    rest = ("--jobs", "4", "--machines", "4")
    assert invoke("generate", "jobshop", "--kind", "two_set", *rest) == invoke(
        "generate", "jobshop", "--kind", "two-set", *rest
    )


def test_generate_takes_a_format(invoke: Invoke) -> None:
    code, out, _ = invoke(
        "generate", "jobshop", "--kind", "flow", "--jobs", "2", "--machines", "3", "--format", "taillard"
    )
    assert code == 0
    assert "Times" in out.splitlines()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("jobshop",), "which kind of jobshop? give --kind with one of: uniform, two-set"),
        (("jobshop", "--kind", "flo"), "unknown kind 'flo'; did you mean 'flow'?"),
        (("jobshp", "--kind", "flow"), "unknown family 'jobshp'; did you mean 'jobshop'?"),
        (("jobshop", "--kind", "flow", "--jobs", "0", "--machines", "2"), "jobs must be at least 1, got 0"),
        (("jobshop", "--kind", "flow", "--jobs", "1", "--machines", "2", "--out", "no/x"), "there is no directory no"),
    ],
)
def test_generate_says_what_is_wrong(invoke: Invoke, arguments: tuple[str, ...], complaint: str) -> None:
    code, out, err = invoke("generate", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"copt: {complaint}") or complaint in err


def test_each_kind_has_its_own_help(invoke: Invoke) -> None:
    code, out, _ = invoke("generate", "jobshop", "--kind", "flexible", "--help")
    assert code == 0
    assert "--alternatives" in out
    assert "Largest number of machines of an operation" in out


def test_train_hands_its_arguments_on(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[list[str]] = []
    monkeypatch.setattr(cli, "training_run", lambda family: lambda arguments: heard.append([family, *arguments]))
    assert invoke("train", "jobshop", "--steps", "5", "--help", "-x")[0] == 0
    assert heard == [["jobshop", "--steps", "5", "--help", "-x"]]


def test_train_without_its_packages_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pkgutil, "iter_modules", lambda _: [SimpleNamespace(name="train_play")])
    monkeypatch.setattr(importlib, "import_module", lambda _: __import__("no_such_torch"))
    with pytest.raises(MissingExtraError, match=r"needs optional packages; .*copt-solver\[train\]"):
        forward.training_run("play")


@pytest.mark.parametrize("name", ["play-hard", "play_hard"])
def test_training_runs_are_named_with_hyphens(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    modules = {"copt.models.train_play_hard": SimpleNamespace(main=print)}
    monkeypatch.setattr(pkgutil, "iter_modules", lambda _: [SimpleNamespace(name="train_play_hard")])
    monkeypatch.setattr(importlib, "import_module", modules.__getitem__)
    assert forward.training_run(name) is print
    with pytest.raises(UnknownNameError, match=r"did you mean 'play-hard'\? there are runs for: play-hard"):
        forward.training_run("play-hart")


def test_train_knows_its_families(invoke: Invoke) -> None:
    code, _, err = invoke("train", "knapsack")
    assert code == 2
    assert err.startswith("copt: unknown training run 'knapsack'")
