"""Do single pictures survive as bytes, and are other bytes refused?"""

from __future__ import annotations

import numpy as np
import pytest

from retempo.errors import InputError, UsageError
from retempo.io.stills import decode_still, encode_still


@pytest.fixture(scope="module")
def codes() -> np.ndarray:
    y, x = np.mgrid[0:37, 0:53]
    return np.stack([x * 4, y * 6, (x + y) * 2], 2).astype(np.uint8)


@pytest.mark.parametrize(("kind", "quality"), [("png", 100), ("png", 50), ("jxl", 100)])
def test_lossless_stills_come_back(codes: np.ndarray, kind: str, quality: int) -> None:
    data = encode_still(codes, kind, quality)
    assert np.array_equal(decode_still(data, kind, 53, 37, "it"), codes)


def test_less_quality_is_fewer_bytes(codes: np.ndarray) -> None:
    noisy = np.clip(codes + np.random.default_rng(0).normal(0, 12, codes.shape), 0, 255).astype(np.uint8)
    found = {quality: encode_still(noisy, "jxl", quality) for quality in (40, 90, 100)}
    assert len(found[40]) < len(found[90]) < len(found[100])
    wrong = decode_still(found[90], "jxl", 53, 37, "it").astype(float) - noisy
    assert 0 < np.abs(wrong).mean() < 12


def test_other_bytes_are_refused(codes: np.ndarray) -> None:
    data = encode_still(codes, "png")
    with pytest.raises(InputError, match="frame 7 is 53x37"):
        decode_still(data, "png", 54, 37, "frame 7")
    for broken, kind in ((b"", "png"), (b"nothing", "jxl"), (data[:60], "png")):
        with pytest.raises(InputError, match="frame 7"):
            decode_still(broken, kind, 53, 37, "frame 7")


@pytest.mark.parametrize(("kind", "quality"), [("exe", 90), ("jxl", 0), ("jxl", 101)])
def test_kinds_and_qualities_that_are_none(codes: np.ndarray, kind: str, quality: int) -> None:
    with pytest.raises(UsageError, match="use jxl"):
        encode_still(codes, kind, quality)
