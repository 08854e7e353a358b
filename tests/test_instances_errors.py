import gzip
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import copt
from copt.errors import CoptError, FormatError
from copt.instances import files, text
from copt.problems.base import same
from copt.problems.jobshop import JobShop

STANDARD = b"# name: s\n# release: 0 2\n# due: 9 9\n# criterion: weighted_tardiness\n2 3\n0 5 2 7 1 9\n2 1 1 2 0 3\n"
MARKED = b"2 2\n0 5 1 7 0 9 -1 -1\n1 4 -1 -1\n"
FLEXIBLE = b"2 3 1.5\n2 1 1 4 2 2 5 3 6\n1 2 1 3 3 2\n"
TAILLARD = b"Nb of jobs, Nb of Machines\n2 3\nTimes\n94 66 10\n53 26 15\nMachines\n3 1 2\n2 3 1\n"

BAD = {
    "empty": (b"", 1, "file is empty"),
    "blank": (b" \n\t\n \r\n", 1, "file is empty"),
    "binary": (b"2 2\n\x00\x01\x02", 2, "expected text, found binary data"),
    "invalid utf-8": (b"2 2\n0 1 1 \xff\n", 2, "expected UTF-8 text, found byte 0xff"),
    "invalid utf-8 after a mark": (b"\xef\xbb\xbf2 2\n\xff", 2, "expected UTF-8 text, found byte 0xff"),
    "words": (b"hello world\n", 1, "expected the start of a known format"),
    "only comments": (b"# name: x\n", 1, "expected the start of a known format"),
    "one number": (b"3\n0 1\n", 1, "expected the start of a known format"),
    "no job": (b"0 2\n", 1, "expected at least 1 job, found 0"),
    "no machine": (b"1 0\n-1 -1\n", 1, "expected 1 to 1000000 machines, found 0"),
    "too many machines": (b"1 2000000\n0 1 -1 -1\n", 1, "found 2000000"),
    "negative jobs": (b"-2 2\n0 1 1 1\n", 1, "expected at least 1 job, found -2"),
    "fractional machines": (b"1 2.5\n0 1 1 1\n", 1, "found '2.5' as entry 2, not a whole number"),
    "nan jobs": (b"nan 2\n0 1 1 1\n", 1, "found 'nan' as entry 1, not a whole number"),
    "no row": (b"2 2\n", 1, "expected 2 rows, one a job, but the file ends after 0"),
    "missing row": (b"2 2\n0 1 1 1\n", 2, "expected 2 rows, one a job, but the file ends after 1"),
    "extra row": (b"1 2\n0 1 1 1\n\n1 2 0 3\n", 4, "expected the end of the file after 1 rows"),
    "missing number": (b"2 2\n0 1 1 1\n1 2 0\n", 3, "expected 2 pairs 'machine duration', found 3 numbers"),
    "missing pair": (b"2 2\n0 1 1 1\n1 2\n", 3, "found 1; a job with fewer or more operations"),
    "extra pair": (b"2 2\n0 1 1 1 0 1\n1 2 0 3\n", 2, "expected 2 pairs 'machine duration', found 3"),
    "negative duration": (b"1 2\n0 1 1 -4\n", 2, "expected a duration of at least 0, found -4 in pair 2"),
    "negative machine": (b"1 2\n-1 1 1 4\n", 2, "expected a machine from 0 to 1"),
    "machine out of range": (b"1 2\n0 1 2 4\n", 2, "expected a machine from 0 to 1"),
    "fraction": (b"1 2\n0 1 1 2.5\n", 2, "found '2.5' as entry 4, not a whole number"),
    "exponent": (b"1 2\n0 1 1 1e3\n", 2, "found '1e3' as entry 4"),
    "nan": (b"1 2\n0 1 1 NaN\n", 2, "found 'NaN' as entry 4"),
    "inf": (b"1 2\n0 1 1 inf\n", 2, "found 'inf' as entry 4"),
    "underscore": (b"1 2\n0 1 1 1_0\n", 2, "found '1_0' as entry 4"),
    "arabic digit": ("1 2\n0 1 1 ٣\n".encode(), 2, "found '٣' as entry 4"),
    "glued": (b"1 2\n0 1 1-4 3\n", 2, "found '1-4' as entry 3"),
    "beyond 32 bits": (b"1 2\n0 1 1 2147483648\n", 2, "found '2147483648' as entry 4, beyond 2147483647"),
    "beyond 64 bits": (b"1 2\n0 1 1 " + b"9" * 19 + b"\n", 2, "beyond 2147483647"),
    "sum beyond 32 bits": (b"1 2\n0 2000000000 1 2000000000\n", None, "durations add up to 4000000000"),
    "a million digits": (b"1 2\n0 1 1 " + b"9" * 1_000_000, 2, f"found '{'9' * 40}...' as entry 4"),
    "a million letters": (b"x" * 1_000_000, 1, f"found '{'x' * 40}...'"),
    "a million blanks": (b"1 2" + b" " * 1_000_000 + b"\n", 1, "the file ends after 0"),
    "a million numbers": (b"1 2\n" + b"1 " * 500_000, 2, "expected 2 pairs 'machine duration', found 250000"),
    "short release": (b"# release: 1\n2 1\n0 1\n0 1\n", 1, "expected release of 2 jobs, found 1 numbers"),
    "negative due": (b"2 1\n# due: 1 -2\n0 1\n0 1\n", 2, "expected due of at least 0, found -2"),
    "word as weight": (b"# weights: 1 x\n2 1\n0 1\n0 1\n", 1, "expected weights of each job, found 'x'"),
    "release twice": (b"# release: 1\n# release: 1\n1 1\n0 1\n", 2, "the first is line 1"),
    "unknown criterion": (
        b"# criterion: cost\n1 1\n0 1\n",
        1,
        "makespan or weighted_tardiness, found 'cost'",
    ),
    "tardiness without due": (
        b"# criterion: weighted_tardiness\n1 1\n0 1\n",
        1,
        "expected a comment '# due:'",
    ),
    "ordered maybe": (b"# ordered: maybe\n1 1\n0 1\n", 1, "expected ordered yes or no, found 'maybe'"),
    "flexible: fewer operations": (b"1 2 1\n2 1 1 5\n", 2, "the row ends before operation 2 of 2"),
    "flexible: cut operation": (
        b"1 3 1\n1 3 1 5 2 6 3\n",
        2,
        "expected 3 pairs 'machine duration' in operation 1",
    ),
    "flexible: more numbers": (b"1 2 1\n1 1 1 5 9 9\n", 2, "after 1 operations, found 2 more numbers"),
    "flexible: no machine": (b"1 2 1\n1 0\n", 2, "expected 1 to 2 alternatives in operation 1 of 1, found 0"),
    "flexible: too many": (b"1 2 1\n1 3 1 1 2 1 1 1\n", 2, "expected 1 to 2 alternatives"),
    "flexible: negative operations": (b"1 2 1\n-1\n", 2, "number of operations of at least 0, found -1"),
    "flexible: machine 0": (b"1 2 1\n1 1 0 5\n", 2, "expected a machine from 1 to 2"),
    "flexible: negative": (b"1 2 1\n1 1 1 -5\n", 2, "duration of at least 0 in operation 1 of 1, found -5"),
    "flexible: machine twice": (b"1 2 1\n1 2 1 5 1 6\n", 2, "expected each machine once in operation 1"),
    "flexible: no operation at all": (b"1 2 1\n0\n", None, "needs at least one operation"),
    "taillard: only a header": (b"Nb of jobs, Nb of Machines\n", 1, "but the file ends"),
    "taillard: no machines": (
        TAILLARD.split(b"\nMach")[0],
        5,
        "expected the line 'Machines', but the file ends",
    ),
    "taillard: one size": (b"Nb of jobs\n2\nTimes\n", 2, "jobs and machines, found only 2"),
    "taillard: cut times": (TAILLARD.split(b" 10")[0], 4, "expected 3 times, found 2 numbers"),
    "taillard: too few times": (TAILLARD.replace(b"53 26 15\n", b""), 5, "found 'Machines' as entry 1"),
    "taillard: too many times": (
        TAILLARD.replace(b"\nMach", b"\n1 1 1\nMach"),
        6,
        "expected the line 'Machines'",
    ),
    "taillard: cut machines": (TAILLARD.split(b"2 3 1")[0], 7, "rows of machines, but the file ends after 1"),
    "taillard: machine 0": (TAILLARD.replace(b"3 1 2", b"3 0 2"), 7, "machines of at least 1, found 0"),
    "taillard: machine 4": (TAILLARD.replace(b"3 1 2", b"3 4 2"), 7, "machines of at most 3"),
    "taillard: negative": (TAILLARD.replace(b"26", b"-6"), 5, "times of at least 0, found -6"),
    "taillard: two instances": (TAILLARD * 2, 9, "it holds more than one instance"),
    "cut gzip": (gzip.compress(STANDARD)[:-12], None, "expected an intact gzip file"),
    "false gzip": (b"\x1f\x8b not gzip", None, "expected an intact gzip file"),
    "false zip": (b"PK\x03\x04 not zip", None, "expected an intact zip file"),
    "gzip of nothing": (gzip.compress(b""), 1, "file is empty"),
    "tar in gzip": (gzip.compress(b"a\x00b"), 1, "found binary data"),
}


def zipped(*members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, member in enumerate(members):
            archive.writestr(f"member{number}.txt", member)
    return buffer.getvalue()


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_refused_in_one_line_that_names_file_and_line(case: str, tmp_path: Path) -> None:
    raw, line, expected = BAD[case]
    path = tmp_path / "bad.txt"
    path.write_bytes(raw)
    with pytest.raises(FormatError) as caught:
        copt.read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}:{line}: " if line else f"{path}: ")
    assert expected in message
    assert len(message) - len(str(path)) < 250
    assert message.isprintable()


@pytest.mark.parametrize("members", [(), (STANDARD, STANDARD)])
def test_a_zip_file_needs_exactly_one_member(members: tuple[bytes, ...], tmp_path: Path) -> None:
    path = tmp_path / "bad.zip"
    path.write_bytes(b"PK\x03\x04" if not members else zipped(*members))
    with pytest.raises(FormatError, match="zip file"):
        copt.read(path)


def test_a_damaged_member_of_a_zip_file(tmp_path: Path) -> None:
    path = tmp_path / "bad.zip"
    raw = bytearray(zipped(STANDARD))
    raw[50] ^= 0xFF
    path.write_bytes(raw)
    with pytest.raises(FormatError, match="expected an intact zip file, but unpacking failed"):
        copt.read(path)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zipped])
def test_a_file_that_unpacks_to_too_much_is_refused(
    pack: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 2**20)
    path = tmp_path / "bomb"
    path.write_bytes(pack(b"1 1\n" * 2**18 + b"1"))
    with pytest.raises(FormatError, match="expected at most 1 MiB of text, found more"):
        copt.read(path)
    path.write_bytes(pack(b"1 1\n" * 2**18))
    with pytest.raises(FormatError, match="expected the end of the file after 1 rows"):
        copt.read(path)


def test_too_many_lines_and_too_long_lines_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "long"
    path.write_bytes(b"1 1\n0 5\n" + b"\n" * 100)
    monkeypatch.setattr(text, "MAX_LINES", 99)
    with pytest.raises(FormatError, match="long:100: expected at most 99 lines"):
        copt.read(path)
    path.write_bytes(b"1 1\n0 5" + b" " * 100)
    monkeypatch.setattr(text, "MAX_LINE_LENGTH", 99)
    with pytest.raises(FormatError, match="long:2: expected lines of at most 99 characters, found one of 103"):
        copt.read(path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="is a directory; expected a file"):
        copt.read(tmp_path)
    with pytest.raises(FormatError, match=r"absent\.txt: no such file"):
        copt.read(tmp_path / "absent.txt")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FormatError, match="is not a regular file"):
        copt.read(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(FormatError, match="loop: cannot be read: "):
        copt.read(tmp_path / "loop")


def test_a_file_without_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret.txt"
    path.write_bytes(STANDARD)

    def denied(*_args: object, **_kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)  # the superuser may read any file
    with pytest.raises(FormatError, match=r"secret\.txt: cannot be read: Permission denied"):
        copt.read(path)


SEEDS = [STANDARD, MARKED, FLEXIBLE, TAILLARD, gzip.compress(STANDARD, mtime=0), zipped(FLEXIBLE)]
SPLICES = [b"-1", b"-1 -1", b"nan", b"1e9", b"0.5", b"9" * 30, b"#", b"\n", b"\r", b" ", b"_", b"\xd9\xa3"]
SPLICES += [
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b"# due: 1 2\n",
    b"# ordered: no\n",
    b"Times\n",
    b"\xe2\x80\xa8",
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Draw a valid file with up to four cuts, repetitions and insertions."""
    raw = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        a, b = sorted((draw(st.integers(0, len(raw))), draw(st.integers(0, len(raw)))))
        inserted = draw(st.sampled_from(SPLICES) | st.binary(max_size=4) | st.just(raw[a:b] * 2))
        end = draw(st.sampled_from([a, b, min(a + 1, len(raw)), len(raw)]))
        raw = raw[:a] + inserted + raw[end:]
    return raw


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("errors")


@settings(max_examples=800, deadline=None)
@given(raw=damaged() | st.binary(max_size=60) | st.text("0123456789 \n-.#", max_size=60).map(str.encode))
def test_damaged_files_are_read_or_refused_and_nothing_else(raw: bytes, folder: Path) -> None:
    path = folder / "damaged"
    path.write_bytes(raw)
    try:
        instance = copt.read(path)
    except CoptError as error:
        assert str(error).startswith(str(path))
        assert str(error).isprintable()
        return
    assert isinstance(instance, JobShop)
    copt.write(instance, folder / "again")
    assert same(copt.read(folder / "again"), instance)
