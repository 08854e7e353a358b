"""Networks from PyTorch modules."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from copt.errors import InvalidNetworkError
from copt.problems.relu import ReluNet
from copt.problems.relu_torch import from_torch

torch = pytest.importorskip("torch", reason="torch is an extra")
nn: Any = torch.nn


def modules() -> dict[str, Any]:
    torch.manual_seed(0)
    shared = nn.ReLU()
    return {
        "linear": nn.Linear(5, 3),
        "two layers": nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3)),
        "without bias": nn.Sequential(nn.Linear(5, 8, bias=False), nn.ReLU(), nn.Linear(8, 3)),
        "nested": nn.Sequential(nn.Sequential(nn.Linear(5, 8), nn.ReLU()), nn.Identity(), nn.Linear(8, 3)),
        "one module twice": nn.Sequential(nn.Linear(5, 8), shared, nn.Linear(8, 8), shared, nn.Linear(8, 3)),
        "linear after linear": nn.Sequential(nn.Linear(5, 8), nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3)),
        "ReLU at the end": nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.ReLU(), nn.Linear(8, 3), nn.ReLU()),
        "dropout": nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3)).eval(),
        "half precision": nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3)).bfloat16(),
    }


@pytest.mark.parametrize("name", modules())
@pytest.mark.parametrize("residual", [False, True])
def test_a_module_and_its_network_agree(name: str, residual: bool) -> None:
    module = modules()[name]
    x = np.random.default_rng(0).normal(size=(50, 5))
    net = from_torch(module, residual=residual)
    assert isinstance(net, ReluNet)
    assert (net.inputs, net.outputs) == (5, 3)
    expected = module.double()(torch.from_numpy(x)).detach().numpy() + (x[:, :3] if residual else 0.0)
    assert net.forward(x) == pytest.approx(expected, abs=1e-12)
    assert net.folded().forward(x) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)), "Sequential, got Tanh at '1'"),
        (lambda: nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.LeakyReLU())), "got LeakyReLU at '1.0'"),
        (lambda: nn.Sequential(nn.ReLU(), nn.Linear(2, 1)), "got ReLU before the first Linear at '0'"),
        (
            lambda: nn.LSTM(2, 1),
            "copt takes Linear, ReLU, Identity, Dropout in torch.nn.Sequential, got LSTM",
        ),
        (lambda: nn.Sequential(nn.Identity()), "the module has no torch.nn.Linear"),
        (lambda: nn.Sequential(), "the module has no torch.nn.Linear"),
        (lambda: nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(4, 1)), "weights[1] has 4 columns for 3 units"),
        (lambda: 3, "got int"),
    ],
)
def test_other_modules_are_refused(make: Any, message: str) -> None:
    with pytest.raises(InvalidNetworkError) as caught:
        from_torch(make())
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_change_of_states_has_no_more_outputs_than_inputs() -> None:
    with pytest.raises(InvalidNetworkError, match="residual: 3 outputs are no change of states among 2 inputs"):
        from_torch(nn.Linear(2, 3), residual=True)


def test_weights_that_are_not_finite_are_refused() -> None:
    module = nn.Linear(2, 1)
    with torch.no_grad():
        module.weight[0, 1] = float("nan")
    with pytest.raises(InvalidNetworkError, match="holds nan; weights must be finite"):
        from_torch(module)


def test_torch_is_not_imported() -> None:
    code = "import sys, copt.problems.relu_torch; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
