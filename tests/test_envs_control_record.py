from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from copt.envs import CartPoleWalls, ControlEnv, record
from copt.plot import save_film

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
    save_film(played.frames, tmp_path / "film.gif", seconds=0.1)
    film: Any
    with Image.open(tmp_path / "film.gif") as film:
        assert (film.n_frames, film.size, film.info["duration"]) == (5, (640, 360), 100)
        for k, frame in enumerate(played.frames):
            film.seek(k)
            seen = np.asarray(film.convert("RGB"), dtype=np.float64)
            assert np.abs(seen - frame).mean() < 2.0  # of 255: a film has few colours
