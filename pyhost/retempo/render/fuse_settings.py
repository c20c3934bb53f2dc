"""What can be chosen of a fusion? ``FuseSettings`` is the table; the flags and the stamps of ``retempo fuse`` derive.

Colour, output and computing are the same settings as a retime's, taken from its table: their defaults, ranges and help
texts are written there.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, fields
from typing import Any

from retempo.errors import UsageError
from retempo.fusion.options import FITS, SPACES, FusionOptions
from retempo.render.declaring import check_value, setting
from retempo.render.settings import RetimeSettings

_SHARED = {one.name: one for one in fields(RetimeSettings)}
AUTO_VALUE = -1
"""What ``auto`` is written as among numbers."""
VIDEO_SCREEN = 1e-3
"""Of a video unless told otherwise: on the street 0.6 of the flicker and 0.4 of the light that leaks (RESULTS.md)."""
CODES = 255.0
"""Thresholds are given in codes of 8 bits: of the log in which black is 0 and white is 255."""


def _shared(name: str, help: str = "") -> Any:
    """The setting of that name of a retime; with other words, where they are needed."""
    one = _SHARED[name]
    return field(default=one.default, metadata={**one.metadata, **({"help": help} if help else {})})


@dataclass(frozen=True)
class FuseSettings:
    """Every parameter of a fusion; immutable, validated on construction.

    Raises:
        UsageError: a value is outside its range or is not one of its choices.
    """

    method: str = setting(
        "auto", "what tells the foreground: each frame alone (static), its difference from --reference (dynamic) or "
        "from the frame before (video); auto: dynamic with a reference, video for several frames, else static",
        group="fusion", choices=("auto", "static", "dynamic", "video"),
    )  # fmt: skip
    show: str = setting(
        "result", "write the result, or the importance of the source's pixels as grey pictures",
        group="fusion", choices=("result", "importance"),
    )  # fmt: skip
    space: str = setting(
        "log", "where gradients are mixed and the picture is solved: log keeps lamps from outweighing everything",
        group="fusion", choices=SPACES,
    )  # fmt: skip
    screen: float = setting(
        -1.0, "stay near the mixed pictures with this weight, in place of one fit of a frame's colour; 0: the fit; "
        "auto: 0.001 for a video, which is steadier and leaks less, else 0",
        group="fusion", kind=float, low=-1.0, high=1e3, unit="LAMBDA", words={"auto": -1},
    )  # fmt: skip
    fit: str = setting(
        "offset", "how colour is fitted to the mixed pictures: by one offset a channel and frame, or gain and offset "
        "(affine, as published), which costs contrast where much is lit that the background does not know",
        group="fusion", choices=FITS,
    )  # fmt: skip
    matte: str = setting(
        "", "picture or sequence, of the source's frame numbers, times which importance goes (alpha, or the first "
        "channel; 0 to 1)", group="fusion", unit="SEQUENCE",
    )  # fmt: skip
    rule: str = setting(
        "threshold", "a pixel of the source is important where its gradient or level passes a threshold, or where its "
        "gradient is longer than the background's (larger)", group="importance", choices=("threshold", "larger"),
    )  # fmt: skip
    gradient_threshold: float = setting(
        5.0, "length of a gradient of the source that counts", group="importance", kind=float, low=0.0, unit="codes"
    )  # fmt: skip
    level_threshold: float = setting(
        128.0, "level of the source that counts", group="importance", kind=float, low=0.0, unit="codes"
    )
    motion_threshold: float = setting(
        10.0, "difference from the reference, or from the frame before, that counts",
        group="importance", kind=float, low=0.0, unit="codes",
    )  # fmt: skip
    soften: int = setting(
        5, "side of the box that softens what has changed, odd; 1: none",
        group="importance", kind=int, low=1, high=999, unit="pixels",
    )  # fmt: skip
    hysteresis: int = setting(
        5, "importance of a video is the mean over this many frames on each side",
        group="importance", kind=int, low=0, high=100, unit="frames",
    )  # fmt: skip
    elsewhere: str = setting(
        "larger", "gradients of a video's frame beside what its importance takes: where they are longer than the "
        "background's; that, but where importance is exactly 0 (unimportant, as published); or none (day)",
        group="importance", choices=("larger", "unimportant", "day"),
    )  # fmt: skip
    grow: int = setting(
        1, "pixels around such a gradient that go with it, so that edges are taken whole; as published: 0",
        group="importance", kind=int, low=0, high=50, unit="pixels",
    )  # fmt: skip
    denoise: int = setting(
        -1, "how often SUSAN smoothing is applied to the source; 0: not at all; auto: twice for a video, else 0",
        group="denoising", kind=int, low=-1, high=20, words={"auto": -1},
    )  # fmt: skip
    susan_sigma: float = setting(
        15.0, "how fast its weights fall with distance", group="denoising", kind=float, low=0.1, high=1e4, unit="pixels"
    )  # fmt: skip
    susan_t: float = setting(
        20.0, "the same with the difference of values", group="denoising", kind=float, low=0.1, high=1e4, unit="codes"
    )  # fmt: skip
    susan_radius: int = setting(
        1, "its window to each side", group="denoising", kind=int, low=1, high=3, unit="pixels"
    )
    susan_span: int = setting(
        2, "its window to each side in time", group="denoising", kind=int, low=0, high=10, unit="frames"
    )

    config: str = _shared("config")
    input_space: str = _shared("input_space")
    background_space: str = setting(
        "", "colour space of background and reference; default: --input-space, else the config's file rules",
        group="colour",
    )  # fmt: skip
    working_space: str = _shared("working_space", "linear space to work in; default: as for a retime")
    output_space: str = _shared("output_space")

    data_type: str = _shared("data_type")
    compression: str = _shared("compression")
    codec: str = _shared("codec")
    bit_depth: int = _shared("bit_depth")
    crf: int = _shared("crf")
    fps: str = setting("", "frames per second, when the source does not say", group="output")

    device: str = _shared("device", "where pictures are solved: cpu, cuda or cuda:N (last bits differ)")
    threads: int = _shared("threads")

    flow_space = "auto"

    def __post_init__(self) -> None:
        for one in fields(self):
            check_value(one, getattr(self, one.name))
        if self.soften % 2 == 0:
            raise UsageError(f"--soften is {self.soften}", "give an odd number of pixels")
        if self.screen < 0 and self.screen != AUTO_VALUE:
            raise UsageError(f"--screen is {self.screen}", "give 0 or more, or auto")

    def options(self, frames: int, reference: bool) -> FusionOptions:
        """What the fusion room understands.

        Args:
            frames: how many the source has.
            reference: is there one?

        Raises:
            UsageError: the method wants a reference and there is none, or the other way round.
        """
        method = self.method
        if method == "auto":
            method = "dynamic" if reference else "video" if frames > 1 else "static"
        if method == "dynamic" and not reference:
            raise UsageError("--method dynamic compares with a --reference", "give one, or another method")
        if reference and method != "dynamic":
            raise UsageError(f"--method {method} knows no --reference", "leave it out, or choose dynamic")
        video = method == "video"
        return FusionOptions(
            method=method,  # type: ignore[arg-type]
            space=self.space,  # type: ignore[arg-type]
            rule=self.rule,  # type: ignore[arg-type]
            gradient_threshold=self.gradient_threshold / CODES,
            level_threshold=self.level_threshold / CODES,
            motion_threshold=self.motion_threshold / CODES,
            soften=self.soften,
            hysteresis=self.hysteresis,
            elsewhere=self.elsewhere,  # type: ignore[arg-type]
            grow=self.grow,
            screen=(VIDEO_SCREEN if video else 0.0) if self.screen == AUTO_VALUE else self.screen,
            fit=self.fit,  # type: ignore[arg-type]
            denoise=(2 if video else 0) if self.denoise == AUTO_VALUE else self.denoise,
            sigma=self.susan_sigma,
            t=self.susan_t / CODES,
            radius=self.susan_radius,
            span=self.susan_span,
        )

    def fingerprint(self) -> str:
        """Hash of every setting that can change pixels."""
        chosen = {one.name: getattr(self, one.name) for one in fields(self) if one.metadata["pixels"]}
        return hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()
