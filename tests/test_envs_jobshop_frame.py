import numpy as np
from scheduling_cases import chains_of, replay

from copt.envs import JobShopEnv, State
from copt.envs.jobshop_frame import gantt_frame, gantt_text
from copt.problems.jobshop import JobShop, toy

WHITE, CLOCK = [255, 255, 255], [40, 40, 40]


def test_a_frame_has_a_row_for_each_resource() -> None:
    # The frame is 640 pixels wide, so that one unit of time is one pixel.
    shop = JobShop.from_jobs([[(0, 400), (1, 239)], [(1, 100)]])
    state = replay(chains_of(shop), [0, 1])
    frame = gantt_frame(state)
    assert frame.shape == (360, 640, 3)
    assert frame.dtype == np.uint8
    top, bottom = frame[90], frame[270]
    first, second = top[200].tolist(), bottom[50].tolist()
    assert first != second and WHITE not in (first, second)
    assert (top[1:400] == first).all()
    assert (top[401:] == WHITE).all()
    assert (bottom[1:100] == second).all()
    assert (bottom[100:400] == WHITE).all()
    assert (frame[:, 400] == CLOCK).all()
    np.testing.assert_array_equal(top[0], np.array(first) // 2)  # the edge of a task is darker
    state.fix(0)
    assert (gantt_frame(state)[270, 401:639] == first).all()


def test_a_short_task_is_one_pixel_wide() -> None:
    shop = JobShop.from_jobs([[(0, 1), (1, 5000)], [(2, 4), (3, 1)]])
    frame = gantt_frame(replay(chains_of(shop), [0, 1, 1, 0]))
    assert (frame[300, :600] != 255).any(axis=1).tolist() == [True] + [False] * 599


def test_a_frame_without_tasks_shows_the_clock_alone() -> None:
    frame = gantt_frame(State(chains_of(toy())))
    assert (frame[:, 0] == CLOCK).all()
    assert (frame[:, 1:] == 255).all()


def test_text_has_a_line_for_each_resource() -> None:
    shop = JobShop.from_jobs([[(0, 40), (1, 39)], [(1, 10)], [(0, 0)]])
    state = replay(chains_of(shop), [0, 1, 2])
    assert gantt_text(state) == "\n".join(
        [
            f"0 |{'0' * 40}{' ' * 40}|",
            f"1 |{'1' * 10}{' ' * 70}|",
            f"   {' ' * 40}^ 40",
        ]
    )


def test_rows_thinner_than_a_pixel_are_drawn_still() -> None:
    shop = JobShop.from_jobs([[(m, 1)] for m in range(500)])
    frame = gantt_frame(replay(chains_of(shop), list(range(500))))
    assert frame.shape == (360, 640, 3)
    assert (frame[:, :639] != 255).any(axis=2).all()


def test_the_environment_renders_in_its_mode() -> None:
    drawn, told, silent = (JobShopEnv(toy(), render_mode=mode) for mode in ("rgb_array", "ansi", None))
    for env in (drawn, told, silent):
        env.reset()
        env.step(0)
    np.testing.assert_array_equal(drawn.render(), gantt_frame(drawn.state))
    assert told.render() == gantt_text(told.state)
    assert silent.render() is None
