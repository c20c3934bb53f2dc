"""How does CAIN's network become an engine, and under which names do its weights come?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from retempo.flow.trained import fit_state
from retempo.models.base import Capabilities, Made, check_window, only_halfway
from retempo.models.cain.network import Cain


class CainEngine:
    """CAIN with its weights; see ``Interpolator``.

    Args:
        network: on its device. name: with everything that changes pixels. capabilities: as declared.
    """

    def __init__(self, network: Cain, name: str, capabilities: Capabilities) -> None:
        self.name = name
        self.capabilities = capabilities
        self._network = network.eval()

    def prepare(self, images: Sequence[Tensor]) -> CainWindow:
        """Make the one picture that the network makes; it pads and crops itself."""
        check_window(images, 2)
        with torch.no_grad():
            return CainWindow(self._network(*images)[0])


class CainWindow:
    """The picture between two frames.

    Args:
        image: [N, 3, H, W].
    """

    def __init__(self, image: Tensor) -> None:
        self._image = image

    @property
    def nbytes(self) -> int:
        """Memory of the picture."""
        return int(self._image.nbytes)

    def render(self, time: float | Tensor) -> Made:
        """The picture halfway; see ``PreparedWindow``."""
        only_halfway(time, self._image)
        return Made(self._image)


def convert(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' names without the ``module.`` of their parallel training.

    Raises:
        InputError: a name is missing or unknown, a shape is another, a value is not finite.
    """
    with torch.device("meta"):  # names and shapes alone
        wanted = Cain().state_dict()
    return fit_state({name.removeprefix("module."): one for name, one in state.items()}, wanted, "cain")
