"""Which Slurm and which shot do the tests of the farm's backends share?"""

from farm_faults import farm_source, farm_truth
from slurm_cluster import slurm

__all__ = ["farm_source", "farm_truth", "slurm"]
