"""Messages that never make the solve wait, and a process that cannot outlive it."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest
from mip_cases import solve_with_scip
from plugin_cases import until

from copt.instances.mip_generators import set_cover
from copt.problems.mip import MIP, Point, check, objective, toy
from copt.solvers.mip import partner as partner_module
from copt.solvers.mip.channel import Desk, Line
from copt.solvers.mip.partner import BARE, COMMAND, Found, Partner, Spare, Task


@pytest.fixture
def ends() -> tuple[Desk, socket.socket]:
    ours, theirs = socket.socketpair()
    return Desk(ours), theirs


def test_messages_arrive_in_order_whatever_their_size(ends: tuple[Desk, socket.socket]) -> None:
    desk, theirs = ends
    line = Line(theirs.detach())
    for message in (1, "two", [3] * 5000):
        line.send(message)
    assert desk.take() == [1, "two", [3] * 5000]
    assert desk.take() == []
    desk.put({"a": 1})
    assert line.recv() == {"a": 1}
    desk.close()
    with pytest.raises(EOFError):
        line.recv()


def test_a_message_that_is_not_whole_is_waited_for_elsewhere(ends: tuple[Desk, socket.socket]) -> None:
    desk, theirs = ends
    first, second = socket.socketpair()
    Line(first.detach()).send("some text")
    raw = second.recv(1000)
    for size in (3, 10, len(raw) - 13):
        assert desk.take() == []
        theirs.sendall(raw[:size])
        raw = raw[size:]
    assert desk.take() == ["some text"]


def test_who_does_not_listen_makes_nobody_wait_and_hears_the_newest_in_the_end(
    ends: tuple[Desk, socket.socket],
) -> None:
    desk, theirs = ends
    for number in range(20):
        desk.put((number, b"x" * 10**6))
    line = Line(theirs.detach())
    heard: list[int] = []
    while not heard or heard[-1] < 19:
        heard.append(received(line, desk)[0])
    assert heard == [0, 19]


def received(line: Line, desk: Desk) -> tuple[int, bytes]:
    """Receive while the desk goes on sending."""
    done: list[tuple[int, bytes]] = []
    thread = threading.Thread(target=lambda: done.append(line.recv()), daemon=True)
    thread.start()
    assert until(lambda: desk.take() == [] and not thread.is_alive())
    return done[0]


def test_an_end_that_is_gone_is_no_error(ends: tuple[Desk, socket.socket]) -> None:
    desk, theirs = ends
    theirs.close()
    desk.put("anything")
    assert desk.take() == []
    desk.close()
    desk.put("more")
    assert desk.take() == []


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_it_finds_points_and_tells_what_its_neighbourhoods_did() -> None:
    partner, points = Partner(Task(toy().bare(), 60.0, 0)), list[Found]()

    def optimal() -> bool:
        points.extend(partner.found())
        return bool(points) and objective(toy(), Point(points[-1].dense(3))) == 19 and bool(partner.records)

    partner.tell(np.array([1.0, 0.0, 0.0]))
    assert until(optimal)
    assert all(check(toy(), Point(found.dense(3))) == [] for found in points)
    values = [objective(toy(), Point(found.dense(3))) for found in points]
    assert values == sorted(values)
    partner.end()
    assert gone(partner.pid)
    partner.end()
    assert partner.found() == []
    partner.tell(np.zeros(3))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_was_killed_or_stopped_does_no_harm(number: signal.Signals) -> None:
    before = len(os.listdir("/dev/fd"))
    partner = Partner(Task(toy().bare(), 60.0, 0))
    os.kill(partner.pid, number)
    for _ in range(50):
        partner.tell(np.ones(10_000))
        assert partner.found() == []
    partner.end()
    assert gone(partner.pid)
    assert len(os.listdir("/dev/fd")) == before


def test_no_process_is_left_when_the_solve_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "script.py"  # without a guard around its main part
    script.write_text(
        textwrap.dedent(
            """
            import time
            from copt.problems.mip import toy
            from copt.solvers.mip.partner import Partner, Task
            partner = Partner(Task(toy().bare(), 600.0, 0))
            while not partner.found():
                time.sleep(0.01)
            print(partner.pid, flush=True)
            time.sleep(600)
            """
        )
    )
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()
    assert until(lambda: gone(pid) or state(pid) == "Z")


def state(pid: int) -> str:
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return done.stdout.strip()[:1]


def test_a_system_without_processes_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(os.listdir("/dev/fd"))
    monkeypatch.setattr(sys, "executable", "/no/such/interpreter")
    with pytest.raises(OSError, match="interpreter"):
        Partner(Task(toy().bare(), 1.0, 0))
    assert len(os.listdir("/dev/fd")) == before


def finds(partner: Partner, instance: MIP, value: float) -> bool:
    """Wait until the partner hands in a point of ``instance`` worth ``value``; all that it hands in must fit."""
    points: list[Found] = []

    def found() -> bool:
        points.extend(partner.found())
        return bool(points) and objective(instance, Point(points[-1].dense(instance.num_variables))) == value

    arrived = until(found)
    assert all(check(instance, Point(point.dense(instance.num_variables))) == [] for point in points)
    return arrived


def test_it_works_on_one_program_after_the_other_and_rests_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    other = set_cover(rows=20, columns=30, density=0.2, seed=1)
    best = solve_with_scip(other)
    assert best is not None
    partner = Partner(Task(toy().bare(), 60.0, 0))
    assert finds(partner, toy(), 19)
    partner.begin(Task(other.bare(), 60.0, 0))
    assert partner.records == {}
    partner.tell(np.ones(30))
    assert finds(partner, other, best)
    assert partner._process.poll() is None
    partner.rest()
    assert until(lambda: partner.found() == [] and partner._begun == partner._ordered)
    assert (partner.found(), partner.records) == ([], {})
    partner.begin(Task(toy().bare(), 60.0, 0))
    assert finds(partner, toy(), 19)
    partner.end()
    assert partner.lost()
    assert list(tmp_path.iterdir()) == []


def test_a_spare_is_the_same_process_again_unless_it_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    spare = Spare()
    first = spare.take(Task(toy().bare(), 60.0, 0))
    for _ in range(3):
        spare.keep(first)
        assert spare.take(Task(toy().bare(), 60.0, 0)) is first
    assert finds(first, toy(), 19)
    os.kill(first.pid, signal.SIGSTOP)
    spare.keep(first)
    monkeypatch.setattr(partner_module, "PATIENCE", 0.0)
    other = spare.take(Task(toy().bare(), 60.0, 0))
    assert gone(first.pid)
    assert finds(other, toy(), 19)
    os.kill(other.pid, signal.SIGKILL)
    spare.keep(other)
    monkeypatch.undo()
    assert until(other.lost)
    last = spare.take(Task(toy().bare(), 60.0, 0))
    assert last is not other
    spare.keep(last)
    spare.close()
    assert gone(last.pid)
    spare.close()


def test_the_process_ends_itself_when_nobody_is_at_the_other_end() -> None:
    partner = Partner(Task(toy().bare(), 0.0, 0))
    partner._desk.close()
    assert until(lambda: partner._process.poll() is not None)
    assert partner._process.returncode == 0
    partner.end()


def test_the_process_loads_neither_scip_nor_numba_nor_what_users_of_copt_need() -> None:
    bare = {name: list(sys.modules[name].__path__) for name in BARE}
    code = COMMAND.format(path=sys.path, bare=bare, handle=0).replace("main(0)", "")
    code += "print([name for name in ('highspy', 'pyscipopt', 'numba', 'copt.solve') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['highspy']\n"


def test_a_process_that_needs_more_memory_than_it_may_have_dies() -> None:
    task = Task(set_cover(rows=200, columns=400, density=0.05, seed=3).bare(), 60.0, 0)
    partner = Partner(task._replace(memory=8.0))
    try:
        assert until(partner.lost)
    finally:
        partner.end()
    partner, points = Partner(task._replace(memory=512.0)), list[Found]()
    try:
        assert until(lambda: points.extend(partner.found()) or bool(points))  # type: ignore[func-returns-value]
    finally:
        partner.end()
