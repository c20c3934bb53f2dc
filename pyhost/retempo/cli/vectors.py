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
from retempo.cli.retime import add_verify_argument
from retempo.conventions import SETTINGS_KEY
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
    parser.add_argument(
        "--resume", action="store_true", help="make only what is missing, broken or made otherwise"
    )
    add_verify_argument(parser)
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
        UsageError: several flow estimators at once; no EXR; flags that contradict each other.
        InputError, OutputError: a frame cannot be read or written.
    """
    from retempo.cli.retime import open_progress
    from retempo.flow.base import wants_onward
    from retempo.io.sequence import open_source
    from retempo.io.target import open_target
    from retempo.render.job import open_renderer
    from retempo.render.resume import Witness, check_way
    from retempo.render.survey import survey

    check_way(args.overwrite, args.resume, args.verify)
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
    if wants_onward(renderer.estimators[0]):
        raise UsageError(
            f"--flow {settings.flow} begins with the motion beside a gap",
            "vectors are of two frames; leave continued=1 out",
        )
    replace_them = args.overwrite or args.resume
    target = open_target(args.output, overwrite=replace_them, source=source, fps=source.fps)
    picture = (
        open_target(args.picture, overwrite=replace_them, source=source, fps=source.fps)
        if args.picture
        else None
    )
    stored = open_source(settings.vectors) if settings.vectors else None
    stamps = list_stamps(source, stored, renderer)
    targets = [one for one in (target, picture) if one is not None]

    def is_done(number: int) -> bool:
        return all(
            one.stamp(number) == stamps[number] and one.is_whole(number, args.verify) for one in targets
        )

    skipped = [number for number in source.frames if args.resume and is_done(number)]
    wanted = set(source.frames) - set(skipped)
    witness = Witness({near for one in wanted for near in (one - 1, one, one + 1)}, source, stored)
    longest = 0.0
    try:
        with open_progress(args.quiet or args.json) as progress:
            for done, (number, frame, lengths) in enumerate(
                motion_frames(source, renderer, stored, wanted), len(skipped) + 1
            ):
                stamp = {SETTINGS_KEY: stamps[number]}
                target.write(number, frame, stamp)
                longest = max(longest, lengths)
                if picture is not None:
                    picture.write(number, wheel_picture(frame), stamp)
                if progress is not None:
                    progress(done, len(source.frames), f"frame {number}")
        witness.check()
        for one in targets:
            one.close()
    except BaseException:
        for one in targets:
            one.abort()
        raise
    data = {
        "output": args.output,
        "picture": args.picture,
        "frames": list(source.frames),
        "skipped": skipped,
        "written": sorted(wanted),
        "flow": renderer.estimators[0].name,
        "longest_pixels": round(longest, 3),
    }
    text = f"{args.output}: {len(wanted)} frames by {data['flow']}, longest vector {longest:.1f} pixels"
    return Result(data, text)


def list_stamps(source: Source, stored: Source | None, renderer: FrameRenderer) -> dict[int, str]:
    """For each frame a hash of all that decides its motion: settings, colour, it and its neighbours."""
    from retempo.render.resume import PICTURE_VERSION, colour_identity, combine_stamps

    same = [f"vectors {PICTURE_VERSION}", renderer.settings.fingerprint()]
    same.append(colour_identity(renderer.color.describe()))
    files = {number: source.digest(number) for number in source.frames}
    if stored is not None:
        rendered = set(stored.frames)
        files |= {n: f"{one} {stored.digest(n)}" for n, one in files.items() if n in rendered}
    stamps = {}
    for number in source.frames:
        near = [f"{one} {files[one]}" for one in (number - 1, number, number + 1) if one in files]
        stamps[number] = combine_stamps([*same, *near])
    return stamps


def motion_frames(source: Source, renderer: FrameRenderer, stored: Source | None, wanted: set[int]) -> Any:
    """Yield (number, frame of motion channels, longest vector) for each wanted source frame in turn.

    Args:
        stored: where rendered motion vectors are.
        wanted: pairs of which neither frame is among them are left out.
    """
    from retempo.render.canvas import common_window, group_views
    from retempo.retime.cuts import Cuts, parse_cuts, parse_dissolves

    settings = renderer.settings
    cuts = Cuts.of(parse_cuts(settings.cuts), dissolves=parse_dissolves(settings.dissolves))
    held: dict[int, Frame] = {}
    back: list[Motion] | None = None
    for number, following in zip(source.frames, [*source.frames[1:], None], strict=True):
        onward: list[Motion] | None = None
        reverse: list[Motion] | None = None
        needed: tuple[int, ...] = (number,) if number in wanted else ()
        if following == number + 1 and not cuts.part(number, following) and {number, following} & wanted:
            needed = (number, number + 1)
        held = {one: held.get(one) or source.read(one) for one in needed}
        if len(needed) > 1:
            given = None if stored is None else {one: stored.read(one) for one in needed}
            prepared = renderer.prepare(dict(held), given)
            pairs = [(view.canvases[0].window, *pair_of(view.motion)) for view in prepared.views]
            onward = [measure(window, forward, backward) for window, forward, backward in pairs]
            reverse = [measure(window, backward, forward) for window, forward, backward in pairs]
        back, behind = reverse, back
        if number not in wanted:
            continue
        here = held[number]
        layers = [
            motion_layer(
                here, common_window([here], members), here.layers[members[0]].view,
                onward[view] if onward else None, behind[view] if behind else None,
            )
            for view, members in enumerate(group_views(here).values())
        ]  # fmt: skip
        yield number, replace(here, layers=layers, format="openexr"), longest_of(layers)


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
