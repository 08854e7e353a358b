"""What the numbers were measured on."""

import functools
import os
import platform
from pathlib import Path

__all__ = ["machine_name"]


@functools.cache
def machine_name() -> str:
    """Return processor, number of cores and memory, such as ``AMD EPYC, 2 cores, 23 GiB``."""
    parts = [_processor(), f"{os.cpu_count() or 1} cores"]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        parts.append(f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB")
    return ", ".join(parts)


def _processor() -> str:
    """Return the processor's model; Linux keeps it in a file, elsewhere the platform module knows it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine() or "unknown processor"
