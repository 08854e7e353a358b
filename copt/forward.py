"""Verbs that hand their arguments on: to a generator of instances, to a training run."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from copt.errors import CoptError, MissingExtraError, UnknownNameError
from copt.registry import FAMILIES

__all__ = ["generate", "training_run"]


def generate(family: str, kind: str | None, arguments: Sequence[str]) -> Any:
    """Call the generator ``kind`` of ``family`` with ``arguments`` and return the instance.

    The keyword arguments of the generator are its options; after ``--help`` there is no instance but None.

    Raises:
        UnknownNameError: If there is no such family or kind.
        CoptError: If no kind is given; the text lists them.
    """
    able = {name: known for name, known in FAMILIES.items() if known.instances}
    if family not in able:
        raise UnknownNameError("family", family, able, f"generators exist for: {', '.join(able)}")
    generators: dict[str, Callable[..., Any]] = able[family].load("instances").GENERATORS
    if kind is None:
        raise CoptError(f"which kind of {family}? give --kind with one of: {', '.join(generators)}")
    name = kind.replace("_", "-")
    if name not in generators:
        raise UnknownNameError("kind", kind, generators, f"choose one of: {', '.join(generators)}")
    command = typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    command.command()(_with_options(generators[name]))
    made = command(list(arguments), prog_name=f"copt generate {family} --kind {name}", standalone_mode=False)
    return None if isinstance(made, int) else made  # after --help the return value is an exit code


def _with_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``function`` with every parameter declared as a command-line option and its docstring's help."""
    text = inspect.getdoc(function) or ""
    opening = text.partition("\nArgs:")[0]
    signature = inspect.signature(function, eval_str=True)
    options = [
        parameter.replace(annotation=Annotated[parameter.annotation, typer.Option(help=_help_of(name, text))])
        for name, parameter in signature.parameters.items()
    ]

    def command(**values: Any) -> Any:
        return function(**values)

    command.__doc__ = opening
    command.__signature__ = signature.replace(parameters=options)  # type: ignore[attr-defined]
    command.__annotations__ = {option.name: option.annotation for option in options}
    return command


def _help_of(name: str, docstring: str) -> str:
    """Return what the Args section of ``docstring`` says about ``name``, or nothing."""
    lines = [line.strip() for line in docstring.splitlines()]
    return next((line.removeprefix(f"{name}: ") for line in lines if line.startswith(f"{name}: ")), "")


def training_run(name: str) -> Callable[[list[str]], None]:
    """Return the training run called ``name``, a function of its own command-line arguments.

    ``routing-udc`` is the run in ``copt/models/train_routing_udc.py``.

    Raises:
        UnknownNameError: If there is no such run.
        MissingExtraError: If the packages for training are not installed.
    """
    from copt import models

    known = [
        module.name.removeprefix("train_").replace("_", "-")
        for module in pkgutil.iter_modules(models.__path__)
        if module.name.startswith("train_")
    ]
    if name.replace("_", "-") not in known:
        raise UnknownNameError("training run", name, known, f"there are runs for: {', '.join(known)}")
    try:
        main: Callable[[list[str]], None] = importlib.import_module(f"copt.models.train_{name.replace('-', '_')}").main
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("copt"):
            raise
        raise MissingExtraError(f"training ({error.name})", "train") from None
    return main
