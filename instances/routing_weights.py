"""Explicit costs of TSPLIB: a stream of numbers, in one of the layouts of a matrix."""

import numpy as np

from copt.instances.text import Line, Text, quoted
from copt.problems.routing import FloatArray

__all__ = ["LAYOUTS", "matrix_of"]

LAYOUTS = (
    "FULL_MATRIX",
    "UPPER_ROW",
    "LOWER_ROW",
    "UPPER_DIAG_ROW",
    "LOWER_DIAG_ROW",
    "UPPER_COL",
    "LOWER_COL",
    "UPPER_DIAG_COL",
    "LOWER_DIAG_COL",
)


def matrix_of(text: Text, rows: list[Line], layout: str, nodes: int) -> FloatArray:
    """Return the matrix whose numbers ``rows`` hold, shape (nodes, nodes); a triangle is mirrored.

    Raises:
        FormatError: If something is no number, or there are too few or too many.
    """
    if layout not in LAYOUTS:
        known = ", ".join(LAYOUTS)
        text.fail(rows[0] if rows else None, f"unknown EDGE_WEIGHT_FORMAT {quoted(layout)}; choose one of: {known}")
    values: list[FloatArray] = []
    for row in rows:
        try:
            values.append(np.array(row.text.split(), dtype=np.float64))
        except ValueError:
            text.fail(row, f"expected numbers in EDGE_WEIGHT_SECTION, found {quoted(row.text.strip())}")
    stream = np.concatenate(values) if values else np.zeros(0)
    diagonal = "DIAG" in layout
    expected = nodes * nodes if layout == "FULL_MATRIX" else nodes * (nodes - 1) // 2 + (nodes if diagonal else 0)
    if stream.size != expected:
        text.fail(rows[-1] if rows else None, f"expected {expected} numbers for {layout}, found {stream.size}")
    if layout == "FULL_MATRIX":
        return stream.reshape(nodes, nodes)
    # The columns of one triangle are the rows of the other.
    lower = layout.startswith("LOWER") == layout.endswith("ROW")
    shift = 0 if diagonal else 1
    places = np.tril_indices(nodes, -shift) if lower else np.triu_indices(nodes, shift)
    matrix = np.zeros((nodes, nodes))
    matrix[places] = stream
    matrix.T[places] = stream
    return matrix
