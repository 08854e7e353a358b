import numpy as np
import pytest

from copt.envs.actions import LegalActions
from copt.errors import CoptError


def space(mask: list[int], spared: int | None = None) -> LegalActions:
    actions = LegalActions(len(mask), spared)
    actions.mask = np.array(mask, np.int8)
    actions.seed(0)
    return actions


def drawn(actions: LegalActions) -> set[int]:
    return {int(actions.sample()) for _ in range(60)}


def test_samples_are_legal() -> None:
    assert drawn(space([0, 1, 0, 1])) == {1, 3}


def test_the_spared_action_is_drawn_only_if_there_is_no_other() -> None:
    assert drawn(space([0, 1, 1, 1], spared=2)) == {1, 3}
    assert drawn(space([0, 0, 1, 0], spared=2)) == {2}
    assert drawn(space([0, 1, 0, 1], spared=2)) == {1, 3}


def test_a_mask_that_is_given_counts_alone() -> None:
    actions = space([1, 1, 1], spared=2)
    assert {int(actions.sample(np.array([0, 0, 1], np.int8))) for _ in range(9)} == {2}
    assert {int(actions.sample(probability=np.array([0.0, 1.0, 0.0]))) for _ in range(9)} == {1}


def test_an_illegal_action_is_refused_with_the_first_legal_ones() -> None:
    assert space([0, 1]).checked(np.int64(1)) == 1
    with pytest.raises(CoptError, match=r"action 0 is not legal; choose one of \[1, 2\], see info\['action_mask'\]"):
        space([0, 1, 1]).checked(0)
    for action in (-1, 30):
        with pytest.raises(CoptError, match=rf"action {action} is not legal; choose one of \[0, 1, .*, 19, \.\.\.\]"):
            space([1] * 30).checked(action)
