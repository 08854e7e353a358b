import dataclasses
import gzip
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import copt
import copt.instances.jobshop
from copt.errors import CoptError, FormatError, UnknownNameError
from copt.instances.jobshop import FORMATS
from copt.instances.jobshop_standard import STANDARD
from copt.problems.base import same
from copt.problems.encoding import toy as toy_encoding
from copt.problems.jobshop import toy
from copt.read import names, read_solution


def test_names_without_a_file() -> None:
    assert names()[:5] == ["toy", "ft06", "ft10", "ft20", "ta01"]
    assert len(names()) == 91


def test_shipped_instances() -> None:
    assert same(copt.read("toy"), toy())
    sizes = {name: (copt.read(name).num_jobs, copt.read(name).num_machines) for name in names()[1:4]}
    assert sizes == {"ft06": (6, 6), "ft10": (10, 10), "ft20": (20, 5)}
    assert int(copt.read("ft06").durations.sum()) == 197
    assert int(copt.read("ft10").durations.sum()) == 5109
    assert copt.read("ft20").name == "ft20"


def test_every_name_is_that_of_its_instance() -> None:
    for name in names():
        assert copt.read(name).name == name


def test_a_file_goes_before_a_name_and_a_name_before_a_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy").mkdir()
    assert same(copt.read("toy"), toy())
    (tmp_path / "ft06").write_text("1 1\n0 5\n")
    assert copt.read("ft06").num_jobs == 1


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("toyy", UnknownNameError, "unknown instance 'toyy'; did you mean 'toy'? give the path of a file"),
        (
            "la01",
            UnknownNameError,
            "unknown instance 'la01'; copt does not ship this benchmark; give the path",
        ),
        (
            "qqq",
            UnknownNameError,
            "unknown instance 'qqq'; give the path of a file or a known name such as ft10",
        ),
        ("x" * 10_000, UnknownNameError, f"unknown instance '{'x' * 40}'; give the path"),
        ("a\0b", UnknownNameError, "unknown instance 'a?b'"),
        ("ft10.txt", FormatError, "ft10.txt: no such file; did you mean the known instance 'ft10'?"),
        ("none.txt", FormatError, "none.txt: no such file"),
        ("nowhere/ft10", FormatError, "nowhere/ft10: no such file"),
        ("", FormatError, ".: is a directory; expected a file"),
    ],
)
def test_unknown_names_and_absent_files(
    name: str, error: type[CoptError], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error) as caught:
        copt.read(name)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("name", ["my-shop", "v1.5-shop", "shop_2"])
@pytest.mark.parametrize("suffix", ["", ".txt", ".TXT", ".fjs"])
@pytest.mark.parametrize("packing", ["", ".gz", ".zip"])
def test_packed_or_not_an_unnamed_instance_has_the_name_of_its_file(
    name: str, suffix: str, packing: str, tmp_path: Path
) -> None:
    path, text = tmp_path / (name + suffix + packing), b"\xef\xbb\xbf1 1\r\n0 5\r\n"
    if packing == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.mkdir("folder")
            archive.writestr("folder/other.txt", text)
    else:
        path.write_bytes(gzip.compress(text) if packing else text)
    instance = copt.read(path)
    assert instance.name == name
    assert instance.durations.tolist() == [5]


def test_where_the_content_fits_two_formats_the_suffix_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    twin = dataclasses.replace(STANDARD, suffixes=(".twin",), read=lambda text: f"twin of {text.name}")
    monkeypatch.setattr(copt.instances.jobshop, "FORMATS", (*FORMATS, twin))
    for suffix in (".txt", ".twin", ".twin.gz", ".other"):
        (tmp_path / f"toy{suffix}").write_text("1 1\n0 5\n")
    assert copt.read(tmp_path / "toy.twin") == "twin of toy"
    assert copt.read(tmp_path / "toy.twin.gz") == "twin of toy"
    assert copt.read(tmp_path / "toy.txt").num_jobs == 1
    assert copt.read(tmp_path / "toy.other").num_jobs == 1


def test_the_suffix_chooses_the_format_that_is_written(tmp_path: Path) -> None:
    first_lines = {}
    for suffix in (".txt", ".fjs", ".tai", ".other", ".fjs.gz"):
        path = tmp_path / f"ft06{suffix}"
        copt.write(copt.read("ft06"), path)
        raw = path.read_bytes()
        text = gzip.decompress(raw) if suffix.endswith(".gz") else raw
        first_lines[suffix] = text.decode().replace("# name: ft06\n", "").splitlines()[0]
    assert first_lines == {
        ".txt": "6 6",
        ".fjs": "6 6 1",
        ".tai": "Nb of jobs, Nb of Machines",
        ".other": "6 6",
        ".fjs.gz": "6 6 1",
    }


def test_a_suffix_whose_format_cannot_hold_the_instance_is_overruled(tmp_path: Path) -> None:
    copt.write(toy(), tmp_path / "toy.tai")
    assert same(copt.read(tmp_path / "toy.tai"), toy())


def test_a_refused_instance_names_the_formats_that_take_it(tmp_path: Path) -> None:
    flexible = copt.JobShop.from_jobs([[[(0, 1), (1, 2)]]], name="two ways")
    with pytest.raises(CoptError) as caught:
        copt.write(flexible, tmp_path / "x", format="standard")
    assert str(caught.value) == (
        "format standard cannot hold two ways: it has one machine an operation, the instance has "
        "alternatives; use format fjsplib"
    )
    with pytest.raises(CoptError, match=r"no place for release dates.*; use format standard or fjsplib"):
        fields = {"release": [1], "num_machines": 1}
        copt.write(copt.JobShop.from_jobs([[(0, 1)]], **fields), tmp_path / "x", format="taillard")
    assert not (tmp_path / "x").exists()


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown format 'standart'; did you mean 'standard'"):
        copt.write(toy(), tmp_path / "x", format="standart")
    with pytest.raises(CoptError, match=r"x\.zip: zip files are only read; write x\.gz instead"):
        copt.write(toy(), tmp_path / "x.zip")
    with pytest.raises(CoptError, match="cannot be written: Is a directory"):
        copt.write(toy(), tmp_path)
    with pytest.raises(CoptError, match="cannot be written: No such file or directory"):
        copt.write(toy(), tmp_path / "absent" / "x")
    with pytest.raises(CoptError, match="family encoding has no file format"):
        copt.write(toy_encoding(), tmp_path / "x")
    with pytest.raises(CoptError, match="unknown family 'int'"):
        copt.write(5, tmp_path / "x")


def test_a_solution_file_that_is_absent(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"x\.sol: no such file"):
        read_solution(toy(), tmp_path / "x.sol")


def test_reading_loads_no_solver_and_no_learning_framework() -> None:
    heavy = "{'numba', 'ortools', 'torch', 'matplotlib', 'networkx', 'scipy', 'gymnasium'}"
    code = f"import copt, sys; copt.read('ta01'); print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "set()\n", "")
