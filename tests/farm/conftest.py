"""Which Slurm, which shot and which faults do the tests of the farm's backends share?"""

import sys
from pathlib import Path

from farm_faults import farm_source, farm_truth
from local_job import alone, job
from slurm_cluster import slurm

sys.path.append(str(Path(__file__).parents[1] / "faults"))

from control_group import small_memory
from shim import shim

__all__ = ["alone", "farm_source", "farm_truth", "job", "shim", "slurm", "small_memory"]
