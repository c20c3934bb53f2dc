"""How does one frame become bytes with one network, and those bytes the frame again?

Pictures are [H, W, 3] uint8: the encoded values of 8-bit movies and stills, as they are. Encoder and decoder
rebuild a
frame from whole numbers with the same function, so the encoder's references are the decoder's.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from retempo.codec.coding import PriorCoder
from retempo.codec.config import STRIDE
from retempo.codec.container import MADE, MENDED
from retempo.codec.losses import PEAK
from retempo.codec.priors import Prior
from retempo.codec.weights import Codec
from retempo.errors import InputError

Codes = NDArray[np.uint8]
"""[H, W, 3]."""
_LENGTH = struct.Struct("<I")


class Encoded(NamedTuple):
    """A frame as one network made it.

    Attributes:
        kind: MADE or MENDED. data: bytes. codes: what decodes from them. psnr: dB. bits: estimated by the tables.
    """

    kind: int
    data: bytes
    codes: Codes
    psnr: float
    bits: float


class _Latent(NamedTuple):
    values: NDArray[np.int64]
    data: bytes
    bits: float


@torch.inference_mode()  # type: ignore[untyped-decorator]
def compress(
    codec: Codec,
    target: Codes,
    references: Sequence[Codes],
    flows: Sequence[NDArray[np.float32]],
    distances: Sequence[int],
) -> Encoded:
    """Encode one frame.

    With a residual, it is sent where lambda says that it is worth its bits.

    Args:
        codec: the network. target: the frame. references: decoded, as many as the network takes.
        flows: [H, W, 2] pixels each, target -> reference. distances: frames from the target to each.
    """
    network = codec.network
    wanted = _tensor(target)[None]
    known = torch.stack([_tensor(one) for one in references])[None]
    motion = torch.stack([torch.from_numpy(np.ascontiguousarray(one)).permute(2, 0, 1) for one in flows])[
        None
    ]
    latent = _encode(network.prior, codec.coder, network.analyse(wanted, known, motion.float()))
    made = rebuild(codec, latent.values, known, distances)
    codes = _codes(made)
    plain = Encoded(MADE, latent.data, codes, psnr(target, codes), latent.bits)
    if network.residual is None or codec.residual_coder is None:
        return plain
    base = network.residual_base(made)
    sent = _encode(network.residual.prior, codec.residual_coder, network.residual_base(wanted) - base)
    codes = _codes(network.mend(base + _float(sent.values), made))
    data = _LENGTH.pack(len(latent.data)) + latent.data + sent.data
    mended = Encoded(MENDED, data, codes, psnr(target, codes), latent.bits + sent.bits)
    return min(plain, mended, key=lambda one: _cost(one, target, codec.weight))


@torch.inference_mode()  # type: ignore[untyped-decorator]
def decompress(
    codec: Codec, kind: int, data: bytes, references: Sequence[Codes], distances: Sequence[int]
) -> Codes:
    """Decode one frame.

    Args:
        codec: the network that encoded it. kind: MADE or MENDED. data: bytes.
        references: decoded. distances: frames to each.

    Raises:
        InputError: the bytes are of something else.
    """
    known = torch.stack([_tensor(one) for one in references])[None]
    height, width = references[0].shape[:2]
    first, second = data, b""
    if kind == MENDED:
        if codec.residual_coder is None:
            raise InputError(
                "a frame has a residual, its network has none", "decode it with the right weights"
            )
        (length,) = _LENGTH.unpack_from(data) if len(data) >= _LENGTH.size else (1 << 32,)
        if _LENGTH.size + length > len(data):
            raise InputError(
                f"a frame's latents of {length} bytes do not fit into {len(data)}", "encode it again"
            )
        first, second = data[_LENGTH.size : _LENGTH.size + length], data[_LENGTH.size + length :]
    made = rebuild(codec, codec.coder.decode(first, _shape(codec, height, width, STRIDE)), known, distances)
    if kind == MENDED:
        assert codec.residual_coder is not None
        sent = codec.residual_coder.decode(second, _shape(codec, height, width, STRIDE // 2))
        made = codec.network.mend(codec.network.residual_base(made) + _float(sent), made)
    return _codes(made)


def rebuild(codec: Codec, latent: NDArray[np.int64], references: Tensor, distances: Sequence[int]) -> Tensor:
    """The picture [1, 3, H, W] of whole latents [M, h, w] and references [1, n, 3, H, W]."""
    away = torch.tensor([list(distances)], dtype=torch.float32)
    return codec.network.make(_float(latent), references, away).picture


def psnr(one: Codes, other: Codes) -> float:
    """PSNR of 8-bit codes in dB; infinite where they are equal."""
    error = float(np.square(one.astype(np.float64) - other).mean())
    return 10 * math.log10(PEAK / error) if error else math.inf


def _encode(prior: Prior, coder: PriorCoder, latent: Tensor) -> _Latent:
    values = _whole(latent)
    second = None if prior.hyper is None else _whole(prior.hyper.down(latent.abs()))
    data = coder.encode(values, second)
    return _Latent(coder.decode(data, _as_shape(values)), data, coder.estimate(values, second))


def _as_shape(values: NDArray[Any]) -> tuple[int, int, int]:
    channels, height, width = values.shape
    return channels, height, width


def _cost(found: Encoded, target: Codes, weight: float) -> float:
    area = target.shape[0] * target.shape[1]
    error = float(np.square(target.astype(np.float64) - found.codes).mean())
    return 8 * len(found.data) / area + weight * error


def _shape(codec: Codec, height: int, width: int, stride: int) -> tuple[int, int, int]:
    multiple = codec.config.multiple
    rows, columns = (-(-side // multiple) * multiple // stride for side in (height, width))
    return codec.config.latent, rows, columns


def _tensor(codes: Codes) -> Tensor:
    return torch.tensor(codes).permute(2, 0, 1).float() / 255


def _whole(latent: Tensor) -> NDArray[np.int64]:
    return latent.round().clamp(-(1 << 20), 1 << 20)[0].numpy().astype(np.int64)


def _float(values: NDArray[np.int64]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))[None]


def _codes(picture: Tensor) -> Codes:
    scaled = torch.nan_to_num(picture[0]).clamp(0, 1).mul(255).round()
    return np.ascontiguousarray(scaled.byte().permute(1, 2, 0).numpy())
