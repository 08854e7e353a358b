"""Weights on disk: safetensors beside a JSON card that carries their sha256."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from copt.errors import CoptError, UnknownNameError

__all__ = ["StoredPolicy", "load", "names", "save"]

FOLDER = Path(__file__).parent


@dataclass(frozen=True, eq=False)
class StoredPolicy:
    """A trained policy as ``copt.policy.Policy`` asks for it.

    Args:
        name: Name under which it is stored.
        family: The family whose solver can use it.
        weights: Parameters by name.
        card: How it was trained and what it was measured to gain.
    """

    name: str
    family: str
    weights: dict[str, NDArray[np.float32]]
    card: dict[str, Any]


def names(folder: Path = FOLDER) -> list[str]:
    """Return the names of all stored policies."""
    return sorted(path.stem for path in (folder / "cards").glob("*.json"))


def load(name: str, folder: Path = FOLDER) -> StoredPolicy:
    """Return the stored policy called ``name``.

    Raises:
        UnknownNameError: If no policy has that name.
        CoptError: If the weights are missing, damaged, or not those of the card.
    """
    known = names(folder)
    if name not in known:
        raise UnknownNameError("policy", name, known, "see `copt models list`")
    path = folder / "weights" / f"{name}.safetensors"
    remedy = "install copt again or train it anew with `copt train`"
    try:
        card = json.loads((folder / "cards" / f"{name}.json").read_text(encoding="utf-8"))
        raw = path.read_bytes()
        if hashlib.sha256(raw).hexdigest() != card["sha256"]:
            raise CoptError(f"weights {path} do not have the sha256 of their card; {remedy}")
        weights = load_arrays(raw)
        return StoredPolicy(name, card["family"], weights, card)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        if isinstance(error, CoptError):
            raise
        raise CoptError(f"policy '{name}' cannot be read ({error}); {remedy}") from error


def save(
    name: str,
    family: str,
    weights: Mapping[str, NDArray[np.float32]],
    card: Mapping[str, Any],
    folder: Path = FOLDER,
) -> Path:
    """Store a policy and its card; return the path of the weights.

    Args:
        name: Name to store it under; an older policy of that name is replaced.
        family: The family whose solver can use it.
        weights: Parameters by name.
        card: How it was trained and what it was measured to gain; ``name``, ``family``, ``parameters`` and
            ``sha256`` are added here.
        folder: Folder with the subfolders ``weights`` and ``cards``, made if missing.
    """
    raw = save_arrays({key: np.ascontiguousarray(value, dtype=np.float32) for key, value in weights.items()})
    full = {
        "name": name,
        "family": family,
        "parameters": int(sum(value.size for value in weights.values())),
        "sha256": hashlib.sha256(raw).hexdigest(),
        **{key: value for key, value in card.items() if key not in ("name", "family", "parameters", "sha256")},
    }
    target = folder / "weights" / f"{name}.safetensors"
    for path in (target, folder / "cards" / f"{name}.json"):
        path.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(raw)
    (folder / "cards" / f"{name}.json").write_text(json.dumps(full, indent=2) + "\n", encoding="utf-8")
    return target
