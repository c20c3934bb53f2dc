"""Under which names do FILM's weights come? The PyTorch port's, or TensorFlow's variables; both become the port's."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from retempo.flow.trained import fit_state
from retempo.models.film.network import FLOW_WIDTHS, FUSED, STAGES, Film

_PARTS = ("feat_net/", "predict_flow/", "fusion/")


def convert(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give tensors the network's names, and see that they fit it.

    Args:
        state: name -> tensor of the port (with or without ``module.``; 16 or 32 bits) or of a TensorFlow SavedModel or
            training checkpoint, whose optimiser is left out.

    Raises:
        InputError: a name is missing or unknown, a shape is another, a value is not finite.
    """
    plain = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    if any(name.startswith(_PARTS) for name in plain):
        plain = rename_variables(plain)
    with torch.device("meta"):  # names and shapes alone
        wanted = Film().state_dict()
    return fit_state(plain, wanted, "film")


def rename_variables(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """TensorFlow's variables under the port's names, kernels turned from [H, W, in, out] to [out, in, H, W]."""
    places = variable_names()
    found = {}
    for said, tensor in state.items():
        name = said.removesuffix(":0")
        if not name.startswith(_PARTS):
            continue  # the optimiser's, or a counter
        layer, _, kind = name.rpartition("/")
        port = f"{places.get(layer, layer)}.{'weight' if kind == 'kernel' else kind}"
        found[port] = tensor.permute(3, 2, 0, 1) if kind == "kernel" and tensor.ndim == 4 else tensor
    return found


def variable_names() -> dict[str, str]:
    """TensorFlow's layer -> the port's.

    The port counts the predictors and the decoder's levels from the coarsest, TensorFlow from the finest.
    """
    names = {
        f"feat_net/sub_extractor/cfeat_conv_{2 * stage + index}": f"extract.extract_sublevels.convs.{stage}.{index}.0"
        for stage in range(STAGES)
        for index in range(2)
    }
    own = len(FLOW_WIDTHS) - 1
    predictors = {
        "shared": "_predictor",
        **{str(level): f"_predictors.{own - 1 - level}" for level in range(own)},
    }
    for said, port in predictors.items():
        for index in range(5):
            layer = f"predict_flow/flow_predictor_{said}/conv_{index}"
            names[layer] = f"predict_flow.{port}._convs.{index}.0"
    for count in range(3 * (FUSED - 1)):
        level, slot = divmod(count, 3)
        names[f"fusion/conv2d_{count}"] = f"fuse.convs.{FUSED - 2 - level}.{slot}.0"
    names["fusion/conv2d"] = names.pop("fusion/conv2d_0")
    names[f"fusion/conv2d_{3 * (FUSED - 1)}"] = "fuse.output_conv"
    return names
