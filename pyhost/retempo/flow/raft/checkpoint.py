"""Under which names do published weights come, and do they fit? The authors' files, torchvision's, and our own.

All become the names of ``network.Raft``, which are the authors' without ``module.``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import torch

from retempo.flow.raft.network import Raft
from retempo.flow.trained import fit_state

TORCHVISION: Final = (
    (r"^feature_encoder\.", "fnet."),
    (r"^context_encoder\.", "cnet."),
    (r"net\.convnormrelu\.0\.", "net.conv1."),
    (r"net\.convnormrelu\.1\.", "net.norm1."),
    (r"net\.conv\.", "net.conv2."),
    (r"\.convnormrelu(\d)\.0\.", r".conv\1."),
    (r"\.convnormrelu(\d)\.1\.", r".norm\1."),
    (r"\.motion_encoder\.convcorr(\d)\.0\.", r".encoder.convc\1."),
    (r"\.motion_encoder\.convflow(\d)\.0\.", r".encoder.convf\1."),
    (r"\.motion_encoder\.conv\.0\.", ".encoder.conv."),
    (r"^mask_predictor\.convrelu\.0\.", "update_block.mask.0."),
    (r"^mask_predictor\.conv\.", "update_block.mask.2."),
)
"""What torchvision calls the parts; the two recurrent passes follow in ``rename_torchvision``."""

TWICE: Final = re.compile(r"^cnet\.layer[23]\.0\.norm3\.")
"""The authors register the shortcut's normalisation a second time, under this name."""


def convert(state: Mapping[str, Any], size: str) -> dict[str, Any]:
    """Give tensors the names that ``Raft(size)`` has, and see that they fit it.

    Args:
        state: name -> tensor, of any of the three kinds.
        size: ``large`` or ``small``.

    Raises:
        InputError: a name is missing or unknown, a shape is another, a value is not finite.
    """
    named = rename(state, size)
    with torch.device("meta"):  # names and shapes alone
        wanted = Raft(size).state_dict()
    return fit_state(named, wanted, f"raft {size}")


def rename(state: Mapping[str, Any], size: str) -> dict[str, Any]:
    """The same tensors under the authors' names without ``module.``; none twice."""
    plain = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    if any(name.startswith("feature_encoder.") for name in plain):
        plain = {rename_torchvision(name, size): tensor for name, tensor in plain.items()}
    return {name: tensor for name, tensor in plain.items() if not TWICE.match(name)}


def rename_torchvision(name: str, size: str) -> str:
    """The authors' name for one of torchvision's."""
    for pattern, ours in TORCHVISION:
        name = re.sub(pattern, ours, name)
    gate = r".gru.conv\2\1." if size == "large" else r".gru.conv\2."
    return re.sub(r"\.recurrent_block\.convgru(\d)\.conv([zrq])\.", gate, name)
