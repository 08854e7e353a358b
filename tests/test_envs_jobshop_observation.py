from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scheduling_cases import STEADY, chains_of, encodings, plain, play, project, replay, shops

from copt.envs import Active, Dispatching, Dynamics, JobFeatures, Observation, PaperTokens, State, cut
from copt.errors import CoptError
from copt.problems.encoding import Encoding
from copt.problems.jobshop import JobShop, toy

SEEDS = st.integers(0, 2**16)
OBSERVATIONS = (JobFeatures(), PaperTokens(), PaperTokens(window=2))


def mask_of(state: State, dynamics: Dynamics, slots: int) -> NDArray[np.int8]:
    jobs, waiting = dynamics.legal(state)
    return np.array([j in jobs for j in range(slots)] + [waiting], np.int8)


def test_job_features_of_the_toy() -> None:
    state = replay(chains_of(toy()), [2, 0])  # clock at 3, lower bound 10
    seen = JobFeatures()(state, mask_of(state, Dispatching(), 4))
    expected = [
        [0.1, 0.2, 0.2, 0.6, 1 / 3],  # waits for machine 1 until 4; 6 units are left on it
        [0.0, 0.2, 0.5, 0.2, 0.0],
        [0.1, 0.3, 0.0, 0.6, 0.5],
        [0.0, 0.0, 0.0, 0.0, 0.0],  # room for a job that the instance does not have
    ]
    np.testing.assert_allclose(seen["nodes"], expected, rtol=1e-6)
    assert seen["action_mask"].tolist() == [0, 1, 0, 0, 1]


def test_job_features_of_a_waiting_and_a_finished_job() -> None:
    state = replay(cut(project()), [0, 1])  # interval 3 waits for interval 1; lower bound 1 + 4 + 3
    nodes = JobFeatures()(state, mask_of(state, Dispatching(), 2))["nodes"]
    np.testing.assert_allclose(nodes, [[0, 0.5, 0.375, 0.875, 0.5], [0, 0.375, 0, 0.875, 0.5]])
    state.fix(0)
    nodes = JobFeatures()(state, mask_of(state, Dispatching(), 2))["nodes"]
    np.testing.assert_allclose(nodes, [[0, 0, 0, 0, 1.0], [0, 0.375, 0, 0.375, 0.5]])


def test_job_features_stop_at_the_space() -> None:
    # Master 0 could be done by 1 as far as its bounds know, yet its short option is released at 1000.
    late = plain([0, 2000, 1, 1], [], earliest=[0, 0, 1000, 0], masters=[0], option_items=[1, 2], option_offsets=[0, 2])
    nodes = JobFeatures()(State(cut(late)), np.array([0, 1, 1], np.int8))["nodes"]
    assert nodes[:, 0].tolist() == [3, 0]


def test_spare_room_changes_no_job_s_tokens() -> None:
    state = replay(chains_of(toy()), [2, 0])
    tight = PaperTokens()(state, mask_of(state, Dispatching(), 3))
    loose = PaperTokens()(state, mask_of(state, Dispatching(), 5))
    for name in ("interval_rep", "start_end_tokens", "index_interval", "attention_interval_mask"):
        np.testing.assert_array_equal(loose[name][:3], tight[name])
    assert loose["start_end_tokens"][3:].tolist() == [[1, 2, 2, 2, 2]] * 2
    assert loose["attention_interval_mask"][3:].tolist() == [[0, 0, 1, 1, 1]] * 2


def test_paper_tokens_of_the_toy() -> None:
    state = replay(chains_of(toy()), [2, 0])
    seen = PaperTokens(window=4)(state, mask_of(state, Dispatching(), 3))
    assert seen["start_end_tokens"].tolist() == [[0, 0, 0, 2], [1, 0, 0, 0], [0, 0, 2, 2]]
    assert seen["attention_interval_mask"].tolist() == [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]
    # The job that has done least has done nothing: special tokens have index -1, and all are raised by one.
    assert seen["index_interval"].tolist() == [[1, 2, 3, 0], [0, 1, 2, 3], [1, 2, 0, 0]]
    assert seen["action_mask"].tolist() == [0, 1, 0, 1]
    assert seen["job_resource_mask"].tolist() == [[1, 0, 0, 0], [0, 1, 0, 1], [0, 0, 1, 0], [0, 1, 0, 1]]
    raw = np.array(
        [
            [[1, 0, 3, 0], [0, 4, 2, 1], [0, 6, 2, 0], [0, 0, 0, 0]],
            [[0, 0, 0, 0], [0, 3, 2, 1], [0, 5, 1, 0], [0, 6, 4, 0]],
            [[1, 0, 4, 0], [0, 4, 3, 1], [0, 0, 0, 0], [0, 0, 0, 0]],
        ],
        dtype=float,
    )
    second = np.array([0, 4, 2, 1, 0, 3, 2, 1, 0, 4, 3, 1])
    durations = np.array([3, 2, 2, 2, 1, 4, 4, 3])
    raw[..., 1] = (raw[..., 1] - second.mean()) / second.std()
    raw[..., 2] = (raw[..., 2] - durations.mean()) / durations.std()
    np.testing.assert_allclose(seen["interval_rep"], raw, rtol=1e-5)


def test_competitors_share_a_resource_and_are_legal() -> None:
    state = State(chains_of(toy()))
    mask = PaperTokens()(state, mask_of(state, Dispatching(), 3))["job_resource_mask"]
    assert mask.tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [1, 1, 1, 0]]


def test_a_window_needs_two_tokens() -> None:
    with pytest.raises(CoptError, match=r"window must be at least 2 .*, got 1"):
        PaperTokens(window=1)


@STEADY
@given(
    st.one_of(shops(flexible=True), encodings()),
    st.sampled_from([Dispatching(), Active()]),
    st.sampled_from(OBSERVATIONS),
    st.integers(0, 2),
    SEEDS,
)
def test_every_observation_lies_in_its_space(
    problem: JobShop | Encoding, dynamics: Dynamics, observation: Observation, spare: int, seed: int
) -> None:
    chains = chains_of(problem)
    slots = len(chains.jobs) + spare
    space = observation.space(slots)
    for state in play(chains, dynamics, seed):
        seen = observation(state, mask_of(state, dynamics, slots))
        assert space.contains(seen)


@STEADY
@given(shops(), SEEDS)
def test_paper_tokens_equal_a_slow_account_of_them(shop: JobShop, seed: int) -> None:
    chains = chains_of(shop)
    for state in play(chains, Dispatching(), seed):
        mask = mask_of(state, Dispatching(), len(chains.jobs))
        seen = PaperTokens()(state, mask)
        for name, expected in _slow_tokens(shop, state, mask).items():
            np.testing.assert_allclose(seen[name], expected, rtol=1e-4, atol=1e-4, err_msg=name)


def _slow_tokens(shop: JobShop, state: State, mask: NDArray[np.int8]) -> dict[str, Any]:
    """Write the tokens of each job as a list, then cut and pad it to five."""
    jobs, size = state.chains.jobs, shop.durations.tolist()
    fewest = min(sum(state.start[o] >= 0 for o in job) for job in jobs)
    rows, kinds, indices, hidden = [], [], [], []
    for j, job in enumerate(jobs):
        done = [o for o in job if state.start[o] >= 0]
        ahead = [o for o in job if state.start[o] < 0]
        starts = [start for start, _ in state.window(j, 4)]
        row = [(1, state.start[o], size[o], 0, 0, job.index(o)) for o in done[-1:]] or [(0, 0, 0, 0, 1, fewest - 1)]
        row += [
            (0, start, size[o], int(o == ahead[0]), 0, job.index(o)) for o, start in zip(ahead, starts, strict=False)
        ]
        hidden.append([int(place > len(row)) for place in range(5)])
        row += [(0, 0, 0, 0, 2, fewest - 1)] * (5 - len(row))
        rows.append([token[:4] for token in row])
        kinds.append([token[4] for token in row])
        indices.append([token[5] for token in row])
    tokens, index = np.array(rows, dtype=float), np.array(indices)
    second = tokens[:, 1].ravel()
    tokens[..., 1] = (tokens[..., 1] - second.mean()) / (second.std() if len(set(second)) > 1 else 1)
    tokens[..., 2] = (tokens[..., 2] - np.mean(size)) / (np.std(size) if len(set(size)) > 1 else 1)
    legal, n = [j for j in range(len(jobs)) if mask[j]], len(jobs)
    compete = [[int(a == b) for b in range(n + 1)] for a in range(n + 1)]
    compete[n] = mask.tolist()
    for a in legal:
        compete[a][n] = int(mask[n])
        for b in legal:
            modes = [state.next_mode[j] for j in (a, b)]
            if a != b and all(m is not None and m.resources for m in modes):
                compete[a][b] = int(modes[0].resources == modes[1].resources)  # type: ignore[union-attr]
    return {
        "interval_rep": tokens,
        "start_end_tokens": kinds,
        "index_interval": index + (1 if index.min() < 0 else 0),
        "attention_interval_mask": hidden,
        "job_resource_mask": compete,
        "action_mask": mask,
    }
