"""Do the port's names and TensorFlow's variables both become FILM's network, and are others refused?"""

from __future__ import annotations

from typing import Any

import pytest

from retempo.errors import InputError
from retempo.models.film import ENGINE

torch = pytest.importorskip("torch")
from retempo.models.film.checkpoint import variable_names  # noqa: E402
from retempo.models.film.network import Film  # noqa: E402

PAIRS = {
    "feat_net/sub_extractor/cfeat_conv_0": "extract.extract_sublevels.convs.0.0.0",
    "feat_net/sub_extractor/cfeat_conv_7": "extract.extract_sublevels.convs.3.1.0",
    "predict_flow/flow_predictor_0/conv_0": "predict_flow._predictors.2._convs.0.0",
    "predict_flow/flow_predictor_2/conv_3": "predict_flow._predictors.0._convs.3.0",
    "predict_flow/flow_predictor_shared/conv_4": "predict_flow._predictor._convs.4.0",
    "fusion/conv2d": "fuse.convs.3.0.0",
    "fusion/conv2d_2": "fuse.convs.3.2.0",
    "fusion/conv2d_9": "fuse.convs.0.0.0",
    "fusion/conv2d_12": "fuse.output_conv",
}


@pytest.fixture(scope="module")
def state() -> dict[str, Any]:
    """One number a tensor would do for names; shapes need the real ones, held once by expansion."""
    with torch.device("meta"):
        wanted = Film().state_dict()
    return {
        name: torch.arange(float(one.shape[0])).view(-1, *[1] * (one.ndim - 1)).expand(one.shape)
        for name, one in wanted.items()
    }


def variables(state: dict[str, Any]) -> dict[str, Any]:
    """The same weights as TensorFlow holds them."""
    found: dict[str, Any] = {}
    for layer, port in variable_names().items():
        found[f"{layer}/kernel"] = state[f"{port}.weight"].permute(2, 3, 1, 0)
        found[f"{layer}/bias"] = state[f"{port}.bias"]
    return found


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)


def test_variables_have_their_published_places() -> None:
    names = variable_names()
    assert {layer: names[layer] for layer in PAIRS} == PAIRS
    assert len(names) == len(set(names.values())) == 41


def test_all_published_forms_become_the_network(state: dict[str, Any]) -> None:
    assert same(ENGINE.convert(state, "style"), state)
    assert same(ENGINE.convert({f"module.{name}": one for name, one in state.items()}, "l1"), state)
    halves = ENGINE.convert({name: one.half() for name, one in state.items()}, "style")
    assert all(one.dtype == torch.float32 for one in halves.values()) and same(halves, state)
    tensorflow = variables(state)
    extra = {
        "save_counter": torch.tensor(1),
        "Adam/feat_net/sub_extractor/cfeat_conv_0/kernel/m": torch.ones(1),
    }
    assert same(ENGINE.convert({**tensorflow, **extra}, "vgg"), state)
    assert same(ENGINE.convert({f"{name}:0": one for name, one in tensorflow.items()}, "vgg"), state)


def test_what_is_not_film_is_refused(state: dict[str, Any]) -> None:
    tensorflow = variables(state)
    del tensorflow["fusion/conv2d_5/bias"]
    with pytest.raises(InputError, match=r"not the weights of film: fuse\.convs\.2\.2\.0\.bias is missing"):
        ENGINE.convert(tensorflow, "style")
    with pytest.raises(InputError, match=r"fusion/conv2d_13\.weight is not of this network"):
        ENGINE.convert({**variables(state), "fusion/conv2d_13/kernel": torch.ones(1, 1, 2, 2)}, "style")
    with pytest.raises(InputError, match=r"output_conv\.bias is \(4,\), not \(3,\)"):
        ENGINE.convert({**state, "fuse.output_conv.bias": torch.ones(4)}, "style")
    with pytest.raises(InputError, match="NaN"):
        ENGINE.convert({**state, "fuse.output_conv.bias": torch.full((3,), torch.nan)}, "style")
