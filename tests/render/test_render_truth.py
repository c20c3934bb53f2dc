"""With the renderer's own vectors and depth, how close do in-betweens come to what the camera would have seen?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from retempo.cli import main
from retempo.io.frame import Layer
from retempo.io.sequence import open_source
from retempo.metrics.quality import psnr
from retempo.scene.sample_scene import tone_map

MIDDLES = (1, 5, 9)


@pytest.mark.slow
def test_true_vectors_and_depth_beat_40_db(tmp_path: Path) -> None:
    scores = []
    for frame in MIDDLES:
        folder = tmp_path / str(frame)
        sample = [
            "sample",
            str(folder),
            "--frames",
            f"{frame}-{frame + 1}",
            "--times",
            f"{frame}.5",
            "--quiet",
            "--json",
        ]
        assert main(sample) == 0
        made = folder / "made.####.exr"
        plate = str(folder / "plate.####.exr")
        options = ["--flow", "vectors", "--depth", "add", "--filter", "lanczos4", "--quiet"]
        assert main(["retime", plate, "-o", str(made), "--speed", "1/2", *options]) == 0
        truth = read_only(next(folder.glob("moment.*.exr")))
        result = open_source(str(made)).read(frame + 1).layers[0]
        assert result.channels == truth.channels and result.id_channels == truth.id_channels
        rgb = list(truth.color_indices()[:3])
        scores.append(psnr(tone_map(truth.pixels[..., rgb]), tone_map(result.pixels[..., rgb])))
        assert_highlights(result.pixels[..., rgb], truth.pixels[..., rgb])
        sources = [open_source(plate).read(number).layers[0].ids for number in (frame, frame + 1)]
        assert set(np.unique(result.ids)) <= set(np.unique(sources))
        assert (result.ids == truth.ids).mean() > 0.985
    assert min(scores) > 40, scores


def read_only(path: Path) -> Layer:
    source = open_source(path)
    return source.read(source.frames[0]).layers[0]


def assert_highlights(made: np.ndarray, truth: np.ndarray) -> None:
    assert truth.max() > 10
    assert made.max() > 0.9 * truth.max()
    bright = (truth > 10).any(axis=-1)
    assert ((made > 10).any(axis=-1) & bright).sum() > 0.9 * bright.sum()
