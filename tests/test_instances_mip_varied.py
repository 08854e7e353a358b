"""One model with other numbers."""

import numpy as np
import pytest

from copt.errors import CoptError
from copt.instances.mip_generators import assignment, set_cover
from copt.instances.mip_varied import varied

GAP = assignment(agents=4, jobs=12, seed=1)


def test_costs_and_large_limits_move_and_nothing_else_does() -> None:
    one, same, other = (varied(GAP, seed, costs=0.2, limits=0.1) for seed in (1, 1, 2))
    assert (one.costs == same.costs).all()
    assert (one.costs != other.costs).any()
    shares = one.costs / GAP.costs
    assert (shares.min(), shares.max()) == (pytest.approx(0.8, abs=0.05), pytest.approx(1.2, abs=0.05))
    assert (one.row_upper[:12] == 1).all()  # every job once
    assert (one.row_upper[12:] != GAP.row_upper[12:]).any()
    assert (one.row_upper % 1 == 0).all()
    assert np.abs(one.row_upper[12:] / GAP.row_upper[12:] - 1).max() <= 0.1 + 0.5 / GAP.row_upper[12:].min()
    for name in ("lower", "upper", "integer", "starts", "columns", "coefficients", "row_lower"):
        assert (getattr(one, name) == getattr(GAP, name)).all()


def test_shares_of_nothing_change_nothing() -> None:
    cover = set_cover(rows=20, columns=30, density=0.2, seed=1)
    still = varied(cover, 5, costs=0, limits=0)
    assert (still.costs == cover.costs).all()
    assert (still.row_lower == cover.row_lower).all()
    assert still.name == f"{cover.name}-varied-5"


@pytest.mark.parametrize("share", [{"costs": -0.1}, {"limits": 1.5}])
def test_shares_out_of_range_are_refused(share: dict[str, float]) -> None:
    with pytest.raises(CoptError, match=r"must be from 0 to 1, got"):
        varied(GAP, 0, **share)
