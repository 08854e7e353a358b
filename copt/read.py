"""Instances and solutions from files and back; instances also by name, and from models of other libraries."""

import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Any

from copt.errors import CoptError, FormatError, UnknownNameError
from copt.registry import FAMILIES, family_of

if TYPE_CHECKING:
    from copt.instances.formats import Format
    from copt.instances.text import Text
    from copt.problems.dynamics import Dynamics

__all__ = ["names", "read", "read_dynamics", "read_solution", "write", "write_solution"]


def read(source: Any) -> Any:
    """Return the instance in a file, or the known instance of that name; or the one that a model describes.

    The format is recognised by content, and by suffix where the content fits several. Files packed with gzip,
    and zip files with one member, are read as they are.

    Args:
        source: Path of a file, such as ``shops/ft10.txt``; or, where there is no such file, a name such
            as ``ta51``, ``ft10`` or ``toy``; or a ``pyscipopt.Model``, an OR-Tools ``mathopt.Model``, or an instance,
            which is returned as it is. Models are copied, and stay as they are.

    Raises:
        FormatError: If the file cannot be read; the text names the file, the line and what was expected.
        UnknownNameError: If there is neither such a file nor such a name.
        InvalidInstanceError: If a model has parts that copt does not know.
        CoptError: If it is none of all that.
    """
    if not isinstance(source, str | Path):
        return source if hasattr(source, "family") else _modelled(source)
    from copt.instances.text import load

    path, name = Path(source), str(source)
    if not _is_there(path) or (path.is_dir() and name in names()):
        return _named(path, name)
    text = load(path)
    return _recognised(text, path).read(text)


def _modelled(model: Any) -> Any:
    kinds = {f"{kind.__module__.split('.')[0]}.{kind.__name__}" for kind in type(model).__mro__}
    if "pyscipopt.Model" in kinds:
        from copt.instances.mip_scip import from_scip

        return from_scip(model, model.getProbName() or "model")
    if "ortools.Model" in kinds and hasattr(model, "export_model"):
        from copt.instances.mip_mathopt import from_mathopt

        return from_mathopt(model)
    raise CoptError(
        "copt takes an instance, the path of a file, a name, a pyscipopt.Model or an OR-Tools mathopt.Model, got "
        f"{type(model).__module__}.{type(model).__name__}"
    )


def names() -> list[str]:
    """Return the names of all instances that ``read`` knows without a file."""
    return [name for room in _rooms() for name in room.names()]


def read_dynamics(source: str | Path) -> "Dynamics":
    """Return the dynamics in a safetensors file or, where there is no such file, of a trained policy.

    Args:
        source: Path of the file, or name of the policy, such as ``control-cartpole-walls-v1``.

    Raises:
        FormatError: If the file cannot be read.
        UnknownNameError: If there is neither such a file nor such a policy.
        InvalidNetworkError: If the policy is no network.
    """
    from copt.instances.control_weights import stored_dynamics

    return stored_dynamics(str(source))


def write(instance: Any, path: str | Path, *, format: str | None = None) -> None:
    """Write ``instance`` to a file, packed if the path ends in ``.gz``.

    Args:
        instance: The instance.
        path: Path of the file; weights that are not part of it go into its folder.
        format: Name of the format, such as ``standard``, ``taillard`` or ``fjsplib``; by default the one that
            the suffix stands for, if it can hold the instance, or else the first of the family that can.

    Raises:
        UnknownNameError: If the family has no format of that name.
        CoptError: If the format cannot hold the instance, or the file cannot be written.
    """
    formats: tuple[Format, ...] = _room_of(instance).FORMATS
    able = [known for known in formats if known.refusal(instance) is None]
    fitting = [known for known in able if _suffix(Path(path)) in known.suffixes]
    chosen = (fitting or able or formats)[0] if format is None else _called(format, formats)
    reason = chosen.refusal(instance)
    if reason:
        remedy = f"; use format {' or '.join(known.name for known in able)}" if able else ""
        raise CoptError(f"format {chosen.name} cannot hold {instance.name}: {reason}{remedy}")
    for name, content in (chosen.beside(instance) if chosen.beside else {}).items():
        _save(Path(path).with_name(name), content)
    _save(Path(path), chosen.write(instance).encode("utf-8"))


def read_solution(instance: Any, path: str | Path) -> Any:
    """Return the solution of ``instance`` in a file. Whether it is feasible is for the checker to say.

    Raises:
        FormatError: If the file cannot be read, or does not have the shape that the instance asks for.
    """
    from copt.instances.text import load

    return _room_of(instance).parse_solution(instance, load(Path(path)))


def write_solution(instance: Any, solution: Any, path: str | Path, *, objective: float | None = None) -> None:
    """Write ``solution`` in the family's customary format, packed if the path ends in ``.gz``.

    Args:
        instance: The instance.
        solution: The solution.
        path: Path of the file, customarily ending in ``.sol``.
        objective: Value of the solution; computed if None.

    Raises:
        CoptError: If the file cannot be written.
    """
    if objective is None:
        objective = family_of(instance).load("problem").objective(instance, solution)
    _save(Path(path), _room_of(instance).format_solution(instance, solution, objective).encode("utf-8"))


def _rooms() -> list[Any]:
    return [family.load("instances") for family in FAMILIES.values() if family.instances]


def _room_of(instance: Any) -> Any:
    family = family_of(instance)
    if family.instances is None:
        raise CoptError(f"family {family.name} has no file format; keep its instances in Python")
    return family.load("instances")


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except PermissionError:
        return True
    except (OSError, ValueError):  # absent, or no possible path: too long, or with a null character
        return False
    return True


def _named(path: Path, name: str) -> Any:
    for room in _rooms():
        if name in room.names():
            return room.named(name)
    if path.suffix or len(path.parts) != 1:
        near = f"; did you mean the known instance '{path.stem}'?" if path.stem in names() else ""
        raise FormatError(path, None, f"no such file{near}")
    from copt.instances.bounds import best_known
    from copt.instances.text import one_line

    if best_known(name):
        raise UnknownNameError("instance", name, [], "copt does not ship this benchmark; give the path of its file")
    hint = "give the path of a file or a known name such as ft10 or ta51"
    raise UnknownNameError("instance", one_line(name)[:40], names(), hint)


def _suffix(path: Path) -> str:
    return (path.with_suffix("") if path.suffix.lower() in (".gz", ".zip") else path).suffix.lower()


def _recognised(text: "Text", path: Path) -> "Format":
    formats: list[Format] = [known for room in _rooms() for known in room.FORMATS]
    by_suffix = [known for known in formats if _suffix(path) in known.suffixes]
    by_content = [known for known in formats if known.recognise(text)]
    both = [known for known in by_content if known in by_suffix]
    if not by_content:
        from copt.instances.text import quoted

        known_names = ", ".join(known.name for known in formats)
        first = text.lines[0]
        text.fail(first, f"expected the start of a known format ({known_names}), found {quoted(first.text)}")
    return (both or by_content)[0]


def _called(name: str, formats: "tuple[Format, ...]") -> "Format":
    for known in formats:
        if known.name == name:
            return known
    known_names = [known.name for known in formats]
    raise UnknownNameError("format", name, known_names, f"choose one of: {', '.join(known_names)}")


def _save(path: Path, raw: bytes) -> None:
    if path.suffix.lower() == ".zip":
        raise CoptError(f"{path}: zip files are only read; write {path.with_suffix('.gz').name} instead")
    try:
        path.write_bytes(gzip.compress(raw, 6, mtime=0) if path.suffix.lower() == ".gz" else raw)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise CoptError(f"{path}: cannot be written: {reason}") from None
