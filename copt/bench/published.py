"""Gaps that others have published, on other machines and with other limits: a ceiling, not a contest."""

from dataclasses import dataclass

__all__ = ["PUBLISHED", "Published"]


@dataclass(frozen=True)
class Published:
    """Mean gaps to the best known values, in percent, of several engines.

    Args:
        engines: Name and time limit of each engine.
        gaps: Set of instances as in ``copt.bench.suites.blocks_of`` -> the gap of each engine; None where there is
            no figure, inf for no solution.
        source: Where the figures were read or computed from.
    """

    engines: tuple[str, ...]
    gaps: dict[str, tuple[float | None, ...]]
    source: str


NONE_FOUND = float("inf")

SHOPS = Published(
    engines=("CP Optimizer 22.1, 60 s", "CP-SAT 9.15, 600 s", "CP Optimizer 22.1, 600 s", "OptalCP 2026.4, 600 s"),
    gaps={
        "ta01-10": (None, 0.05, None, None),
        "ta11-20": (1.8, 0.70, None, None),
        "ta21-30": (2.7, 1.38, 2.07, 0.66),
        "ta31-40": (2.3, 1.69, 1.48, 0.66),
        "ta41-50": (4.3, 3.97, 3.84, 1.99),
        "ta51-60": (0.08, 0.00, 0.00, 0.00),
        "ta61-70": (0.87, 2.11, 0.02, 0.09),
        "ta71-80": (0.39, 2.45, 0.00, 0.00),
        "dmu16-20": (2.7, 3.47, 2.22, 1.46),
        "dmu26-30": (1.5, 3.05, 0.87, 0.32),
        "dmu36-40": (1.8, 2.13, 0.39, 0.00),
        "dmu41-45": (4.5, 3.73, 4.08, 1.92),
        "dmu46-50": (5.2, 3.86, 4.71, 2.65),
        "dmu51-55": (6.3, 7.24, 6.14, 3.90),
        "dmu56-60": (8.7, 8.29, 7.08, 5.08),
        "dmu61-65": (9.0, 9.81, 7.42, 4.54),
        "dmu66-70": (10.0, 10.67, 8.18, 5.16),
        "dmu71-75": (9.7, 12.59, 8.35, 4.39),
        "dmu76-80": (12.5, 13.51, 10.08, 5.79),
        "tai_100_100": (16.4, 16.22, 14.89, 2.21),
        "tai_100_1000": (2.4, 4.29, 2.06, 1.31),
        "tai_1000_100": (4.8, NONE_FOUND, 4.52, 2.28),
        "tai_1000_1000": (35.0, NONE_FOUND, 21.6, 10.0),
    },
    source=(
        "Computed from the solution files of the ScheduleOpt/benchmarks repository (commit 79f0edc, runs of July "
        "2026: 600 s, four cores of an Intel i7-1185G7) and, for the column after 60 s, from the objective "
        "histories in ScheduleOpt/optalcp-benchmarks (commit adcef157; four workers on an AMD Ryzen 5950X, the "
        "tai sets on an EPYC 9454P). Figures are means over whole sets, of which a run here may have fewer "
        "instances."
    ),
)

ROUTES = Published(
    engines=("FILO2, about 2 min", "FILO2, about 20 min"),
    gaps={
        "X, 500 or more": (0.50, 0.29),
        "Belgium, 3k-7k": (0.72, 0.29),
        "Belgium, 10k-16k": (1.27, 0.41),
        "Belgium, 20k-30k": (1.43, 0.47),
    },
    source=(
        "Computed from the result files in the repository acco93/filo2 (ten seeds, one core; 100,000 and 1,000,000 "
        "iterations), against the best known values of CVRPLIB. FILO2 is a C++ program that pip does not install."
    ),
)

KNAPSACKS = Published(
    engines=("Neur2RO, 4 to 77 s", "branch and price, 3 h"),
    gaps={
        "knapsack, 20 items": (3.14, 0.00),
        "knapsack, 30 items": (2.35, 0.23),
        "knapsack, 40 items": (2.43, 0.35),
        "knapsack, 50 items": (1.87, 0.87),
        "knapsack, 60 items": (1.60, 0.67),
        "knapsack, 70 items": (1.50, 0.86),
        "knapsack, 80 items": (0.93, 0.94),
    },
    source=(
        "Computed from the result files of the repositories khalil-research/Neur2RO (Gurobi) and borisdetienne/"
        "RobustDecomposition (CPLEX) for the 36 instances of each size that are measured here, against the best of all."
    ),
)

BUDGETS = Published(
    engines=("Neur2RO, 1 to 17 min", "2-adaptability, up to 3 h", "5-adaptability, 3 h", "10-adaptability, 3 h"),
    gaps={
        "budgeting, 10 projects": (2.67, 1.71, 1.38, 1.29),
        "budgeting, 20 projects": (0.30, 0.26, 0.19, 0.34),
        "budgeting, 30 projects": (0.37, 0.19, 0.15, 0.10),
        "budgeting, 40 projects": (0.35, 0.12, 0.10, 0.06),
        "budgeting, 50 projects": (0.16, 0.09, 0.08, 0.05),
    },
    source=(
        "Computed from the result files of khalil-research/Neur2RO (Gurobi) for the 25 instances of each size, "
        "against the best of all. These values are the worst of sampled scenarios and no guarantee; those of copt hold "
        "in every scenario, so that a gap may be all certificate."
    ),
)

LOANS = Published(
    engines=("branch and price, 1 h",),
    gaps={f"loans, {projects} projects": (0.00,) for projects in (10, 20, 30, 40, 50, 100)},
    source=(
        "The result file of borisdetienne/RobustDecomposition (CPLEX), whose values are the best known here. Of the 30 "
        "instances of each size that are measured, it proves all but three of 40 and one of 100 projects; the median "
        "times are 0.07, 0.7, 3.2, 4.0, 19.4 and 99.7 s, the longest of 30 projects 3436 s and of 50 projects 1875 s."
    ),
)

PUBLISHED = (SHOPS, ROUTES, KNAPSACKS, BUDGETS, LOANS)
