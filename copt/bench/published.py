"""Gaps that others have published, on other machines and with other limits: a ceiling, not a contest."""

from dataclasses import dataclass

__all__ = ["PUBLISHED", "SOURCE", "Published"]


@dataclass(frozen=True)
class Published:
    """Mean gap to the best known values, in percent; None where there is no figure, inf for no solution.

    Args:
        optalcp: OptalCP 2026.4, 600 s.
        cpo: CP Optimizer 22.1.1, 600 s.
        cpsat: CP-SAT 9.15, 600 s.
        cpo_minute: CP Optimizer 22.1 after 60 s.
    """

    optalcp: float | None
    cpo: float | None
    cpsat: float | None
    cpo_minute: float | None


NONE_FOUND = float("inf")

# Set of instances as in ``copt.bench.suites.blocks_of`` -> figures.
PUBLISHED = {
    "ta01-10": Published(None, None, 0.05, None),
    "ta11-20": Published(None, None, 0.70, 1.8),
    "ta21-30": Published(0.66, 2.07, 1.38, 2.7),
    "ta31-40": Published(0.66, 1.48, 1.69, 2.3),
    "ta41-50": Published(1.99, 3.84, 3.97, 4.3),
    "ta51-60": Published(0.00, 0.00, 0.00, 0.08),
    "ta61-70": Published(0.09, 0.02, 2.11, 0.87),
    "ta71-80": Published(0.00, 0.00, 2.45, 0.39),
    "dmu16-20": Published(1.46, 2.22, 3.47, 2.7),
    "dmu26-30": Published(0.32, 0.87, 3.05, 1.5),
    "dmu36-40": Published(0.00, 0.39, 2.13, 1.8),
    "dmu41-45": Published(1.92, 4.08, 3.73, 4.5),
    "dmu46-50": Published(2.65, 4.71, 3.86, 5.2),
    "dmu51-55": Published(3.90, 6.14, 7.24, 6.3),
    "dmu56-60": Published(5.08, 7.08, 8.29, 8.7),
    "dmu61-65": Published(4.54, 7.42, 9.81, 9.0),
    "dmu66-70": Published(5.16, 8.18, 10.67, 10.0),
    "dmu71-75": Published(4.39, 8.35, 12.59, 9.7),
    "dmu76-80": Published(5.79, 10.08, 13.51, 12.5),
    "tai_100_100": Published(2.21, 14.89, 16.22, 16.4),
    "tai_100_1000": Published(1.31, 2.06, 4.29, 2.4),
    "tai_1000_100": Published(2.28, 4.52, NONE_FOUND, 4.8),
    "tai_1000_1000": Published(10.0, 21.6, NONE_FOUND, 35.0),
}

SOURCE = (
    "Computed from the solution files of the ScheduleOpt/benchmarks repository (commit 79f0edc, runs of July "
    "2026: 600 s, four cores of an Intel i7-1185G7) and, for the column after 60 s, from the objective "
    "histories in ScheduleOpt/optalcp-benchmarks (commit adcef157; four workers on an AMD Ryzen 5950X, the "
    "tai sets on an EPYC 9454P). Figures are means over whole sets, of which a run here may have fewer "
    "instances."
)
