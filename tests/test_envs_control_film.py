from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from copt.envs import CartPoleWalls, ControlEnv, record, write_gif
from copt.errors import CoptError

START = [0.0, 0.0, 0.2, 0.0]


def still(env: ControlEnv) -> np.ndarray:
    return 0.0 * env.task.reach


def test_a_recording_is_the_episode() -> None:
    played = record(ControlEnv(CartPoleWalls(), steps=4), still, options={"start": START})
    np.testing.assert_allclose(played.states[:, 0], [0.0, 0.01, 0.02, 0.03, 0.04], atol=1e-15)
    np.testing.assert_allclose(played.costs, np.array([0.01, 0.02, 0.03, 0.04]) + 0.02, atol=1e-15)
    assert played.actions.shape == (4, 1)
    assert not played.success
    assert played.violation == 0.0
    assert played.frames == ()


def test_a_recording_notes_success_and_the_worst_violation() -> None:
    played = record(ControlEnv(CartPoleWalls()), still, options={"start": [0.0, 0.0, 0.0, 0.0]})
    assert (played.success, len(played.costs)) == (True, 1)
    fast = record(ControlEnv(CartPoleWalls()), still, options={"start": [0.0, 0.0, 2.5, 0.0]})
    assert fast.violation >= 0.5
    assert not fast.success


def test_a_film_shows_every_state(tmp_path: Path) -> None:
    env = ControlEnv(CartPoleWalls(), steps=4, render_mode="rgb_array")
    played = record(env, still, options={"start": START})
    write_gif(tmp_path / "film.gif", played.frames, fps=10)
    film: Any
    with Image.open(tmp_path / "film.gif") as film:
        assert (film.n_frames, film.size, film.info["duration"]) == (5, (640, 360), 100)
        for k, frame in enumerate(played.frames):
            film.seek(k)
            seen = np.asarray(film.convert("RGB"), dtype=np.float64)
            assert np.abs(seen - frame).mean() < 2.0  # of 255: a film has few colours


def test_what_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(CoptError, match="there are no frames to write; make the environment with render_mode"):
        write_gif(tmp_path / "film.gif", ())
    env = ControlEnv(CartPoleWalls(), steps=1, render_mode="rgb_array")
    frames = record(env, still, options={"start": START}).frames
    with pytest.raises(CoptError, match=r"cannot write .*nowhere"):
        write_gif(tmp_path / "nowhere" / "film.gif", frames)
    with pytest.raises(CoptError, match=r"cannot write .*odd"):
        write_gif(tmp_path / "film.odd", frames)
