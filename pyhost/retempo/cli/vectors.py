"""How does a compositor get at the motion? Flow, occlusion and confidence as EXR, in Nuke's convention.

Channels: ``forward.u/v`` leads to the next frame and ``backward.u/v`` to the previous one, in pixels, y up;
``occlusion.forward`` is 1 where a pixel is not seen in the next frame; ``confidence.forward`` falls from 1 as
the flow there and back misses its start. The last frame has no next one, the first (or one after a gap) no
previous one: vectors 0, occlusion 1, confidence 0. So it is on both sides of a cut
(--cuts) and in a dissolve (--dissolves).
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from retempo.cli.footage import add_frames_arguments, open_footage
from retempo.cli.result import Result
from retempo.errors import UsageError
from retempo.render.flags import add_setting_arguments
from retempo.render.quality import choose_settings

if TYPE_CHECKING:
    import numpy as np

    from retempo.io.frame import Frame, Layer, Window
    from retempo.io.sequence import Source
    from retempo.render.frame import FrameRenderer

    Motion = tuple[Window, np.ndarray]

NAME = "vectors"
HELP = "write optical flow, occlusion and confidence of a sequence as EXR"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of this command."""
    parser.add_argument("source", help="sequence or movie")
    parser.add_argument("-o", "--output", required=True, help="pattern of the result, e.g. vectors.####.exr")
    add_frames_arguments(parser)
    parser.add_argument(
        "--picture", help="also the forward flow as a colour-wheel picture, e.g. wheel.####.png"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace results that exist")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_setting_arguments(
        parser,
        groups=("flow", "cuts", "colour"),
        leave_out=(
            "engine", "inverses", "depth", "depth_channel", "at_cut", "output_space",
            "matte", "matte_channel", "matte_invert",
        ),
    )  # fmt: skip


def run(args: argparse.Namespace) -> Result:
    """Estimate between neighbours and write one file a source frame.

    Raises:
        UsageError: several flow estimators at once; no EXR.
        InputError, OutputError: a frame cannot be read or written.
    """
    from retempo.cli.retime import open_progress
    from retempo.io.target import open_target
    from retempo.render.job import open_renderer
    from retempo.render.survey import survey

    settings = choose_settings({**vars(args), "inverses": "off"}, several=False).settings
    if not args.output.lower().endswith(".exr"):
        raise UsageError(f"--output is {args.output}", "vectors need float channels: write .exr files")
    source = open_footage(args)
    settings = survey(settings, source, open_renderer).settings
    renderer = open_renderer(settings, source)
    if len(renderer.estimators) != 1:
        raise UsageError(
            f"--flow {settings.flow} names several estimators", "a file holds one flow; choose one"
        )
    target = open_target(args.output, overwrite=args.overwrite, source=source, fps=source.fps)
    picture = (
        open_target(args.picture, overwrite=args.overwrite, source=source, fps=source.fps)
        if args.picture
        else None
    )
    longest = 0.0
    try:
        with open_progress(args.quiet or args.json) as progress:
            for done, (number, frame, lengths) in enumerate(
                motion_frames(source, renderer, settings.vectors), 1
            ):
                target.write(number, frame, {})
                longest = max(longest, lengths)
                if picture is not None:
                    picture.write(number, wheel_picture(frame), {})
                if progress is not None:
                    progress(done, len(source.frames), f"frame {number}")
        for one in (target, picture):
            if one is not None:
                one.close()
    except BaseException:
        for one in (target, picture):
            if one is not None:
                one.abort()
        raise
    data = {
        "output": args.output,
        "picture": args.picture,
        "frames": list(source.frames),
        "flow": renderer.estimators[0].name,
        "longest_pixels": round(longest, 3),
    }
    text = (
        f"{args.output}: {len(source.frames)} frames by {data['flow']}, longest vector {longest:.1f} pixels"
    )
    return Result(data, text)


def motion_frames(source: Source, renderer: FrameRenderer, vectors: str = "") -> Any:
    """Yield (number, frame of motion channels, longest vector) for each source frame in turn."""
    from retempo.io.sequence import open_source
    from retempo.render.canvas import common_window, group_views
    from retempo.retime.cuts import Cuts, parse_cuts, parse_dissolves

    stored = open_source(vectors) if vectors else None
    settings = renderer.settings
    cuts = Cuts.of(parse_cuts(settings.cuts), dissolves=parse_dissolves(settings.dissolves))
    here = source.read(source.frames[0])
    back: list[Motion] | None = None
    for number, following in zip(source.frames, [*source.frames[1:], None], strict=True):
        ahead = None if following is None else source.read(following)
        onward: list[Motion] | None = None
        reverse: list[Motion] | None = None
        if ahead is not None and following == number + 1 and not cuts.part(number, following):
            given = None if stored is None else {one: stored.read(one) for one in (number, following)}
            prepared = renderer.prepare({number: here, following: ahead}, given)
            pairs = [(view.canvases[0].window, *pair_of(view.motion)) for view in prepared.views]
            onward = [measure(window, forward, backward) for window, forward, backward in pairs]
            reverse = [measure(window, backward, forward) for window, forward, backward in pairs]
        layers = [
            motion_layer(
                here, common_window([here], members), here.layers[members[0]].view,
                onward[view] if onward else None, back[view] if back else None,
            )
            for view, members in enumerate(group_views(here).values())
        ]  # fmt: skip
        yield number, replace(here, layers=layers, format="openexr"), longest_of(layers)
        back = reverse
        if ahead is not None:
            here = ahead


def pair_of(motion: Any) -> tuple[np.ndarray, np.ndarray]:
    """The two flows of a prepared pair."""
    ahead, back = motion.candidates[:2]
    return ahead.flow, back.flow


def measure(window: Window, flow: np.ndarray, reverse: np.ndarray) -> Motion:
    """A flow over a window, with its occlusion and confidence: [H, W, 4] float32."""
    import numpy as np

    from retempo.flow.consistency import confidence, occlusion

    return window, np.dstack([flow, occlusion(flow, reverse), confidence(flow, reverse)]).astype(np.float32)


def motion_layer(here: Frame, window: Window, view: str, onward: Motion | None, back: Motion | None) -> Layer:
    """One part with the eight channels of both directions, over ``window``."""
    import numpy as np

    from retempo.flow.vectors import PRESETS, encode_vectors
    from retempo.io.frame import make_layer

    planes: dict[str, np.ndarray] = {}
    for direction, known in (("forward", onward), ("backward", back)):
        values = np.zeros((window.height, window.width, 4), np.float32)
        values[..., 2] = 1.0
        if known is not None:
            around, motion = known
            top, left = window.y - around.y, window.x - around.x
            values = motion[top : top + window.height, left : left + window.width]
        stored = encode_vectors(values[..., :2], PRESETS["nuke"], direction=direction)  # type: ignore[arg-type]
        planes |= {f"{direction}.u": stored[..., 0], f"{direction}.v": stored[..., 1]}
        planes |= {f"occlusion.{direction}": values[..., 2], f"confidence.{direction}": values[..., 3]}
    return make_layer(
        np.stack(list(planes.values()), axis=2),
        tuple(planes),
        window=window,
        display=here.display,
        formats={name: "float" if name[-2:] in (".u", ".v") else "half" for name in planes},
        name=f"motion_{view}" if view else "",
        view=view,
    )


def longest_of(layers: list[Layer]) -> float:
    """Length in pixels of the longest forward vector."""
    import numpy as np

    return max(
        float(np.hypot(layer.pixels[..., 0], layer.pixels[..., 1]).max(initial=0.0)) for layer in layers
    )


def wheel_picture(frame: Frame) -> Frame:
    """The forward flow of the first view in colours, with the wheel that explains them; 8 bits."""
    import numpy as np

    from retempo.flow.vectors import PRESETS, decode_vectors
    from retempo.io.frame import Frame, make_layer
    from retempo.report.flow_picture import paint_flow_with_legend

    flow, _ = decode_vectors(frame.layers[0].pixels[..., :2], PRESETS["nuke"], direction="forward")
    picture = paint_flow_with_legend(flow).astype(np.float32) / np.float32(255)
    layer = make_layer(picture, ("R", "G", "B"), formats="uint8")
    return Frame([layer], layer.window, frame.path, "png")
