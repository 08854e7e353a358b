import json
from pathlib import Path

from conftest import Invoke


def test_check_says_that_a_value_is_no_guarantee(invoke: Invoke) -> None:
    fields = {"x": [0] * 4, "plans": [[0] * 8], "worst": [0] * 4, "proof": "sample", "value": 5.0}
    Path("toy.sol").write_text(json.dumps(fields))
    expected = "toy-robust: feasible, objective -5, not guaranteed: only some scenarios were looked at\n"
    assert invoke("check", "toy-robust", "toy.sol") == (0, expected, "")
    code, out, _ = invoke("check", "toy-robust", "toy.sol", "--json")
    assert (code, json.loads(out)["guaranteed"]) == (0, False)
