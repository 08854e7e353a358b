"""What README.md shows is run, in its order: python blocks, and console blocks with their output."""

import os
import re
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def blocks(language: str) -> list[str]:
    return [text for kind, text in BLOCKS if kind == language]


def test_it_starts_with_the_two_commands() -> None:
    kind, text = BLOCKS[0]
    assert kind == "sh"
    assert [line.split("#")[0].strip() for line in text.splitlines()] == ["make demo", "make test"]
    for target in ("demo", "test"):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_python_blocks_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for text in blocks("python"):
        above = README[: README.index(text)].count("\n")  # so that a traceback shows the right line
        exec(compile("\n" * above + text, ROOT / "README.md", "exec"), names)
    assert names["result"].instance == "mine"
    assert names["info"]["makespan"] >= 55


def commands() -> list[tuple[str, str]]:
    """Return each command of the console blocks with the output shown below it."""
    parts = [part for text in blocks("console") for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]]
    return [(part.partition("\n")[0], part.partition("\n")[2]) for part in parts]


def test_console_blocks_run(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert len(commands()) >= 5
    for command, shown in commands():
        verb = command.removeprefix("copt ")
        assert verb != command, "console blocks show copt"
        done = subprocess.run(
            f"{sys.executable} -m copt {verb}",
            shell=True,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        pattern = re.sub(r"([\[?*])", r"[\1]", shown).replace("…", "*")
        assert fnmatchcase(done.stdout.strip(), pattern.strip()), f"{command}\n{done.stdout}"


def test_the_links_lead_somewhere() -> None:
    prose = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", prose):
        assert (ROOT / target).exists(), target
