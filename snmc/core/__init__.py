"""The medium: supernova cores, their readers, and the state of matter at (r, t)."""

from snmc.core.describe import core_lines, core_record, describe_core
from snmc.core.load import list_cores, load_core
from snmc.core.supernova_core import CoreState, SupernovaCore

__all__ = [
    "CoreState",
    "SupernovaCore",
    "core_lines",
    "core_record",
    "describe_core",
    "list_cores",
    "load_core",
]
