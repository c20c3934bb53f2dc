"""Whence come the motion and the distances that some networks are taught, where only pictures are known?

Distances are measured on the grid of the earlier frame, as Zhong et al., Clearer Frames, Anytime, ECCV 2024, do.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from retempo.flow.base import FlowEstimator
from retempo.models.engine import Batch
from retempo.models.indexing import find_distance


def add_index(batch: Batch, estimator: FlowEstimator) -> Batch:
    """The batch with a map in place of its instants; unchanged where it has one."""
    if batch.time.shape[-2:] != (1, 1):
        return batch
    middle = len(batch.frames) // 2
    before, after = batch.frames[middle - 1 : middle + 1]
    part, whole = _search(before, batch.truth, estimator), _search(before, after, estimator)
    return batch._replace(time=find_distance(part, whole, batch.time))


def add_flows(batch: Batch, estimator: FlowEstimator) -> Batch:
    """The batch with the motion from the truth to both frames; unchanged where it is known."""
    if batch.flows is not None:
        return batch
    middle = len(batch.frames) // 2
    before, after = batch.frames[middle - 1 : middle + 1]
    flows = _search(batch.truth, before, estimator), _search(batch.truth, after, estimator)
    return batch._replace(flows=flows)


def _search(start: Tensor, end: Tensor, estimator: FlowEstimator) -> Tensor:
    """Motion from one batch of pictures [N, 3, H, W], on the CPU, to another, [N, 2, H, W] pixels."""
    one, other = (picture.permute(0, 2, 3, 1).contiguous().numpy() for picture in (start, end))
    found = [estimator.estimate(a, b)[0] for a, b in zip(one, other, strict=True)]
    return torch.from_numpy(np.stack(found)).permute(0, 3, 1, 2).contiguous()
