"""What can be chosen, what are the defaults, and which choices change the pixels?

``RetimeSettings`` is the single table of parameters. The command line's flags are made from it (``flags``), and so are
the server's schema and the plugin's parameters: a default, a range or a help text is written here and nowhere else.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

from retempo.errors import UsageError
from retempo.models.registry import Choice as EngineChoice
from retempo.models.registry import parse_engine
from retempo.render.declaring import absolute, check_value, setting
from retempo.retime.cadence import DUPLICATES
from retempo.retime.cut_lists import names_file
from retempo.retime.cuts import AT_CUT, parse_cuts, parse_dissolves
from retempo.retime.objects import parse_object_curves
from retempo.retime.shutter import OFFSETS

AUTO = "auto"
OFF = "off"
METHODS = ("splatsyn", "blend", "nearest")
"""Engines without a network that makes pixels."""


@dataclass(frozen=True)
class RetimeSettings:
    """Every parameter of a retime; immutable, validated on construction.

    Raises:
        UsageError: a value is outside its range or is not one of its choices.
    """

    # timing: which source time an output frame shows
    speed: str = setting(
        "1/2", "playback speed: 1/4 is four times slower, 2 skips every other frame, -1 reverses",
        group="timing", pixels=False,
    )  # fmt: skip
    fps: str = setting("", "source frames per second, when the source does not say", group="timing")
    to_fps: str = setting(
        "", "convert to this frame rate at unchanged speed, e.g. 24000/1001", group="timing"
    )
    duration: int = setting(
        0, "spread the source over this many output frames (0: not used)",
        group="timing", kind=int, low=0, unit="frames", pixels=False,
    )  # fmt: skip
    freeze: str = setting(
        "",
        "show this one source time, whole or fractional, for --duration frames",
        group="timing",
        pixels=False,
    )
    speed_curve: str = setting(
        "",
        "a JSON or CSV file of keys: speed over output frames, integrated",
        group="timing",
        pixels=False,
        path=True,
    )
    frame_curve: str = setting(
        "",
        "a JSON or CSV file of keys: source frame over output frames",
        group="timing",
        pixels=False,
        path=True,
    )
    otio: str = setting(
        "",
        "an OpenTimelineIO file; its clip's time warp is used, FILE or FILE:CLIP",
        group="timing",
        pixels=False,
        path=True,
    )
    output_range: str = setting(
        "", "output frames to make, e.g. 1001-1100 or 1-100x2; default: the whole retimed range",
        group="timing", pixels=False,
    )  # fmt: skip
    output_start: int | None = setting(
        None, "number of the first output frame; default: the first source frame", group="timing", kind=int
    )
    outside: str = setting(
        "hold", "what stands outside the source range",
        group="timing", choices=("hold", "loop", "bounce", "black", "error"), pixels=False,
    )  # fmt: skip
    on_missing: str = setting(
        "error", "what to do about a gap in the source",
        group="timing", choices=("error", "hold", "interpolate"), pixels=False,
    )  # fmt: skip
    avoid_originals: bool = setting(
        False, "sample between the originals only (half speed: .25 and .75), which avoids a pulse of sharpness",
        group="timing", kind=bool, pixels=False,
    )  # fmt: skip

    # shutter: motion blur. None of these is in the fingerprint: a frame's stamp holds its instants
    shutter_samples: int = setting(
        1, "instants that are averaged to an output frame; 1: no motion blur; auto (0): as the motion is long",
        group="shutter", kind=int, low=0, high=128, words={"auto": 0}, pixels=False,
    )  # fmt: skip
    shutter_angle: float = setting(
        180.0, "how long the shutter is open; 360 is one output frame",
        group="shutter", kind=float, low=0.0, high=720.0, unit="degrees", pixels=False,
    )  # fmt: skip
    shutter_offset: str = setting(
        "centred", "when it is open: around the frame's time, from it on, until it, or from --shutter-phase on",
        group="shutter", choices=OFFSETS, pixels=False,
    )  # fmt: skip
    shutter_phase: float = setting(
        -90.0, "with the custom offset: when it opens, after the frame's time",
        group="shutter", kind=float, low=-720.0, high=720.0, unit="degrees", pixels=False,
    )  # fmt: skip

    # cuts. Not in the fingerprint either: they decide what a moment is made from
    cuts: str = setting(
        "", "first source frames of new shots, e.g. 1010,1050, or an EDL (CMX 3600) or OTIO file; auto looks for them; "
        "nothing moves across a cut",
        group="cuts", pixels=False,
    )  # fmt: skip
    at_cut: str = setting(
        "hold", "what stands between two shots: the nearer frame (the later from half way on), or the two mixed",
        group="cuts", choices=AT_CUT, pixels=False,
    )  # fmt: skip
    dissolves: str = setting(
        "off", "where neighbours are mixed, without motion: source frames that show two scenes at once, e.g. "
        "1010-1022,1100-1112; auto: those of the edit list in --cuts, else looks for them; off: motion goes on "
        "through them, mostly the better choice",
        group="cuts", pixels=False,
    )  # fmt: skip

    # footage: what is wrong with the source, or special. Cadence is not in the fingerprint: source times are
    duplicates: str = setting(
        "keep", "source frames that repeat the one before (pulldown, dropped frames, drawings on twos): keep them; "
        "drop: the others keep their times; retime: the others are spaced evenly",
        group="footage", choices=DUPLICATES, pixels=False,
    )  # fmt: skip
    duplicate_frames: str = setting(
        "auto", "with --duplicates drop or retime: the frames that repeat the one before, e.g. 1004,1009; auto looks "
        "for them", group="footage", pixels=False,
    )  # fmt: skip

    # a wish: what it stands for is in flow, filter and inverses (quality.py), which are in the fingerprint
    quality: str = setting(
        "balanced", "choose --flow, --filter and --inverses, where they are not given: best takes trained flow if its "
        "weights are installed", group="quality", choices=("fast", "balanced", "best"), pixels=False,
    )  # fmt: skip

    overlay: str = setting(
        "off", "what is burnt in and must not move (subtitles, logos, letterbox): off, auto (what lies still in all "
        "frames while the picture moves), or a picture or sequence that is white there",
        group="footage", path=True,
    )  # fmt: skip
    found_overlay: str = setting(
        "", "with --overlay auto: what was found before, a picture that is white there, or none; nothing is looked for "
        "then", group="footage", pixels=False, path=True,
    )  # fmt: skip

    # flow: how motion is found
    engine: str = setting(
        "splatsyn", "how frames are made: splatsyn, blend, nearest, or a trained network that makes the pixels: film, "
        "ifrnet:large, ... (`retempo info --engines`)", group="flow",
    )  # fmt: skip
    allow_untrained: bool = setting(
        False, "for tests: a network without its weights runs with weights by chance", group="flow", kind=bool,
    )  # fmt: skip
    flow: str = setting(
        "dis",
        "flow estimators, joined by + for several hypotheses: dis, dis:coarse, raft, vectors, ...; auto: what the "
        "device can afford",
        group="flow",
    )
    flow_scale: float = setting(
        1.0,
        "resolution at which flow is estimated, relative to the frame",
        group="flow",
        kind=float,
        low=0.05,
        high=1.0,
    )
    flow_layer: str = setting(
        "", "layer whose colour drives the flow; default: the first colour layer of each view", group="flow"
    )
    vectors: str = setting(
        "", "sequence that holds motion vectors; default: the source's own channels", group="flow", path=True
    )
    vector_preset: str = setting("nuke", "convention of the motion vectors", group="flow")
    vector_max: float = setting(
        0.0,
        "largest displacement, for vectors stored normalised",
        group="flow",
        kind=float,
        low=0.0,
        unit="pixels",
    )
    vector_scale: float = setting(
        1.0, "multiplies motion vectors; 2 where they were rendered over a shutter of half a frame",
        group="flow", kind=float, low=-100.0, high=100.0,
    )  # fmt: skip
    vector_flip_y: str = setting(
        "preset", "which way y points in motion vectors, where the preset is wrong",
        group="flow", choices=("preset", "up", "down"),
    )  # fmt: skip
    normalise_exposure: str = setting(
        "off", "show flow every frame at the same exposure, against flicker, fades and flashes; pixels keep their own; "
        "auto: where exposure changes", group="flow", choices=("off", "auto", "on"),
    )  # fmt: skip
    inverses: str = setting(
        "auto", "use each flow inverted, too, as a further hypothesis: about 0.2 dB better, twice the rendering time; "
        "auto: but for a renderer's own vectors", group="flow", choices=("auto", "on", "off"),
    )  # fmt: skip
    depth: str = setting(
        "off", "use a depth channel to decide what is in front: beside the splat metric, or instead of it",
        group="flow", choices=("off", "add", "only"),
    )  # fmt: skip
    depth_convention: str = setting(
        "distance", "what depth holds: distance from the camera, its inverse, or negative distance",
        group="flow", choices=("distance", "inverse", "negative"),
    )  # fmt: skip
    depth_channel: str = setting(
        "", "name of the depth channel; default: the first that looks like one", group="flow"
    )
    matte: str = setting(
        "", "sequence that holds the foreground's matte: foreground and background then move on their own",
        group="flow", path=True,
    )  # fmt: skip
    matte_channel: str = setting(
        "", "channel that is the matte, of --matte (default: its alpha, else its first) or else of the source",
        group="flow",
    )  # fmt: skip
    index_map: str = setting(
        "", "sequence of maps, numbered as the output frames: how far each pixel of the earlier source frame has gone "
        "to the later, 0 to 1, in place of the instant", group="flow", path=True,
    )  # fmt: skip
    object_curve: tuple[str, ...] = setting(
        (), "an object that moves at a pace of its own: ID=CURVE.json or CHANNEL=CURVE.json, the curve from 0 to 1 "
        "over the gap between two source frames; may be given several times", group="flow", many=True,
    )  # fmt: skip
    matte_invert: bool = setting(False, "the matte is 1 where there is background", group="flow", kind=bool)

    # synthesis: how frames are made from flow
    source_frames: int = setting(
        2,
        "source frames that contribute to each output frame (2, or 4)",
        group="synthesis",
        kind=int,
        low=2,
        high=8,
    )
    motion: str = setting(
        "quadratic", "path between two frames: straight at an even pace, or bent by the motion before and after (reads "
        "a frame more on either side)", group="synthesis", choices=("linear", "quadratic"),
    )  # fmt: skip
    filter: str = setting(
        "bilinear",
        "resampling of the source pixels",
        group="synthesis",
        choices=("bilinear", "bicubic", "lanczos4"),
    )
    footprint: str = setting(
        "auto", "kernel with which flow is splatted; auto: gaussian, but bilinear for a renderer's own vectors",
        group="synthesis", choices=("auto", "gaussian", "bilinear"),
    )  # fmt: skip
    sigma: float = setting(
        0.5,
        "width of the Gaussian footprint",
        group="synthesis",
        kind=float,
        low=0.1,
        high=2.0,
        unit="pixels",
    )
    temperature: float = setting(
        5.0, "sharpness of the choice between surfaces that land on the same pixel",
        group="synthesis", kind=float, low=0.0, high=20.0,
    )  # fmt: skip
    merge: str = setting(
        "metric", "how candidates are weighted: by reliability and time, or by time alone",
        group="synthesis", choices=("metric", "linear"),
    )  # fmt: skip
    merge_exponent: float = setting(
        1.0, "power of the reliability in the merge", group="synthesis", kind=float, low=0.0, high=16.0
    )
    coverage_gate: str = setting(
        "auto", "trust stretched areas less, by their coverage; auto: on for a renderer's own vectors, else off",
        group="synthesis", choices=("auto", "on", "off"),
    )  # fmt: skip
    stability: str = setting(
        "per_target", "softmax normalisation: maximum per target pixel, or none (ablation)",
        group="synthesis", choices=("per_target", "none"),
    )  # fmt: skip
    payload: str = setting(
        "flow", "what is splatted: the flow, or the colours themselves (ablation)",
        group="synthesis", choices=("flow", "color"),
    )  # fmt: skip
    matte_output: str = setting(
        "result", "with a matte: the result, one layer alone, premultiplied by its coverage, or the matte",
        group="synthesis", choices=("result", "foreground", "background", "matte"),
    )  # fmt: skip
    coefficients: str = setting(
        "10,1,1,10,1,1",
        "six coefficients of the metrics: splat photometric, flow, variance; merge photometric, flow, variance",
        group="synthesis",
    )

    # colour
    config: str = setting(
        "",
        "OCIO config: a path or ocio://...; default: $OCIO, else the built-in one",
        group="colour",
        path=True,
    )
    input_space: str = setting(
        "", "colour space of the source; default: the config's file rules", group="colour"
    )
    working_space: str = setting(
        "", "space in which pixels are warped and blended; default: scene_linear, or the source's space where "
        "it is linear and the result stays in it", group="colour",
    )  # fmt: skip
    output_space: str = setting("", "colour space of the result; default: that of the source", group="colour")
    flow_space: str = setting("auto", "bounded space in which flow is estimated", group="colour")

    # output
    data_type: str = setting(
        "keep", "data type of written channels; ids keep theirs",
        group="output", choices=("keep", "half", "float", "uint8", "uint10", "uint16"),
    )  # fmt: skip
    compression: str = setting("keep", "compression, e.g. zip, piz, dwaa:45, none", group="output")
    codec: str = setting("", "movie codec: h264, hevc, prores, ffv1; default: by container", group="output")
    bit_depth: int = setting(
        0, "bits a channel in a movie, 8 or 10; default: as the source movie, else the codec's least",
        group="output", kind=int,
    )  # fmt: skip

    crf: int = setting(
        0,
        "constant rate factor of h264 and hevc, smaller is better; 0: the default",
        group="output",
        kind=int,
        low=0,
        high=51,
    )

    # computing: none of these changes a pixel
    device: str = setting("cpu", "cpu, cuda or cuda:N", group="computing", pixels=False)
    threads: int = setting(
        0, "threads for computing; 0 takes all cores", group="computing", kind=int, low=0, pixels=False
    )
    memory: str = setting(
        "", "memory budget, e.g. 2G; larger frames are made in strips", group="computing", pixels=False
    )
    deterministic: bool = setting(
        False, "the same bits on every run on a GPU too (the CPU always gives them)",
        group="computing", kind=bool, pixels=False,
    )  # fmt: skip

    def __post_init__(self) -> None:
        for one in fields(self):
            check_value(one, getattr(self, one.name))
        network = self.network
        if network is not None and self.overlay != OFF:
            raise UsageError("a network leaves no overlay in its place", "choose the engine splatsyn")
        if self.index_map or self.object_curve:
            self._check_indices()
        if self.source_frames % 2:
            raise UsageError(
                f"--source-frames is {self.source_frames}", "give an even number: as many before as after"
            )
        if self.cuts != AUTO and not names_file(self.cuts):
            parse_cuts(self.cuts)
        if self.dissolves != AUTO:
            parse_dissolves(self.dissolves)
        if self.duplicate_frames != AUTO:
            parse_repeats(self.duplicate_frames)
        if self.matte_output != "result" and self.engine != "splatsyn":
            raise UsageError(
                f"the engine {self.engine} knows no {self.matte_output}", "choose the engine splatsyn"
            )
        if self.overlay != OFF and (self.matte or self.matte_channel):
            raise UsageError("--overlay and a matte both part the picture in two layers", "give one of them")
        parse_coefficients(self.coefficients)
        parse_memory(self.memory)

    def _check_indices(self) -> None:
        """See that pixels may be shown at instants of their own."""
        parse_object_curves(self.object_curve)
        flag = "--index-map" if self.index_map else "--object-curve"
        network = self.network
        if network is not None and not network.engine.capabilities.index_map:
            raise UsageError(f"the engine {self.engine} takes no index maps", "choose splatsyn")
        if network is None and self.engine != "splatsyn":
            raise UsageError(f"the engine {self.engine} knows no motion", f"leave {flag} out")
        if self.source_frames != 2:
            raise UsageError(f"{flag} leads from one frame to the next", "choose --source-frames 2")
        if self.matte or self.matte_channel or self.overlay != OFF:
            raise UsageError(
                f"{flag} does not work with mattes and overlays",
                "an object's matte can be the key of its curve",
            )
        if self.index_map and self.shutter_samples != 1:
            raise UsageError("--index-map is for one instant a frame", "choose --shutter-samples 1")

    @cached_property
    def network(self) -> EngineChoice | None:
        """The network that makes the pixels; None for the engines of ``METHODS``.

        Raises:
            UsageError: there is no such engine.
        """
        return None if self.engine in METHODS else parse_engine(self.engine)

    @property
    def window(self) -> int:
        """How many source frames are read for an output, at most: those that contribute and those that bend paths."""
        network = self.network
        seen = network.engine.capabilities.frames if network else 2
        moves = self.engine == "splatsyn" or (network and not network.engine.capabilities.fields)
        return max(self.source_frames, seen, 4 if self.motion == "quadratic" and moves else 2)

    def fingerprint(self) -> str:
        """Hash of every setting that can change pixels; timing enters by each frame's source time."""
        chosen = {
            one.name: absolute(one, getattr(self, one.name)) for one in fields(self) if one.metadata["pixels"]
        }
        return hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """All settings by name, JSON-ready."""
        return asdict(self)


def parse_repeats(text: str) -> tuple[int, ...]:
    """The frames of --duplicate-frames.

    Raises:
        UsageError: it is no list of whole numbers.
    """
    return parse_cuts(text, "--duplicate-frames", "the frames that repeat the one before")


def parse_coefficients(text: str) -> tuple[float, float, float, float, float, float]:
    """Six non-negative numbers, comma-separated: three for the splat metric, three for the merge metric."""
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != 6 or not all(0.0 <= value < float("inf") for value in values):
        raise UsageError(f"--coefficients is {text!r}", "give six numbers >= 0, e.g. 10,1,1,10,1,1")
    return values


def parse_memory(text: str) -> int | None:
    """Bytes of ``512M``, ``2G``, ``1.5GiB`` (powers of 1024); None for no limit."""
    if not text:
        return None
    number = text.strip().rstrip("iBb")
    scale = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}.get(number[-1:].upper(), 1)
    try:
        value = float(number[:-1] if scale > 1 else number) * scale
    except ValueError:
        value = 0.0
    if not 1 <= value < float("inf"):
        raise UsageError(f"--memory is {text!r}", "give a size such as 512M or 2G")
    return int(value)
