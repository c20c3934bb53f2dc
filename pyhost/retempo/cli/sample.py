"""Where does footage with a known truth come from? A procedural HDR scene, photographed at any times.

``DIR/plate.####.exr`` holds the frames, ``DIR/truth.####.exr`` what a retime of them should have made,
``DIR/moment.NNNN.NNN.exr`` single moments. ``--scene street`` is another, for `retempo fuse`:
``DIR/night.####.exr``, a street at night that cars pass, ``DIR/reference.exr``, that night without cars and noise, and
``DIR/day.exr``.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retempo.cli.result import Result
from retempo.errors import UsageError

if TYPE_CHECKING:
    from retempo.io.frame import Frame
    from retempo.scene.sample_scene import SampleScene

NAME = "sample"
HELP = "render a small HDR scene with alpha, ids, depth and true motion vectors; or a street, day and night"

LINEAR_REC709 = (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)
"""EXR ``chromaticities``: the primaries and the white point in which the scene is painted."""
START_OF_DAY = "01:00:00:00"
"""Timecode of frame 0."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of this command."""
    parser.add_argument("directory", type=Path, help="where the files go; made if it is not there")
    parser.add_argument(
        "--frames",
        default="1-10",
        help="frames of the plate (default: 1-10); the scene begins at 1, or at the first frame if that is beyond 24",
    )
    parser.add_argument(
        "--scene",
        choices=("layers", "street"),
        default="layers",
        help="layers that move (default), or a street seen by a fixed camera, by day and by night",
    )
    parser.add_argument(
        "--truth", metavar="SPEED", help="also what `retime --speed SPEED` should make of the plate"
    )
    parser.add_argument("--times", help="also these single moments, e.g. 1.5,2.25")
    parser.add_argument("--size", default="960x540", help="width x height in pixels (default: 960x540)")
    parser.add_argument("--seed", type=int, default=1, help="another scene of the same kind (default: 1)")
    parser.add_argument(
        "--samples", type=int, default=1, help="N x N points a pixel are averaged (default: 1)"
    )
    parser.add_argument("--fps", default="24", help="frame rate for the metadata (default: 24)")
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def run(args: argparse.Namespace) -> Result:
    """Render and write.

    Raises:
        UsageError: a size, range or time that is none.
        OutputError: a file exists, or cannot be written.
    """
    from retempo.cli.retime import open_progress
    from retempo.io.pattern import format_range, parse_range
    from retempo.retime.extent import output_range
    from retempo.retime.rational import parse_number, parse_rate
    from retempo.retime.time_map import ConstantSpeed
    from retempo.scene.sample_scene import STAGED_FRAMES, SampleScene

    if args.scene == "street":
        return run_street(args)
    width, height = parse_size(args.size)
    numbers, fps = parse_range(args.frames), parse_rate(args.fps, "--fps")
    wanted: dict[str, dict[int, Fraction]] = {"plate.####.exr": {n: Fraction(n) for n in numbers}}
    if args.truth:
        speed = ConstantSpeed.over(args.truth, (numbers[0], numbers[-1]))
        first, last = output_range(speed, (numbers[0], numbers[-1]))
        wanted["truth.####.exr"] = {n: speed.source_time(n) for n in range(first, last + 1)}
    for text in args.times.split(",") if args.times else ():
        time = parse_number(text, "--times")
        wanted[f"moment.{float(time):08.3f}.exr"] = {0: time}
    scene = SampleScene(width, height, args.seed)
    before = 0 if numbers[0] <= STAGED_FRAMES else numbers[0] - 1
    total = sum(len(times) for times in wanted.values())
    with open_progress(args.quiet or args.json) as progress:
        done = 0
        for name, times in wanted.items():
            for _ in write_sequence(
                scene, args.directory / name, times, fps, args.samples, args.overwrite, before
            ):
                done += 1
                if progress is not None:
                    progress(done, total, name)
    flag = space_flag()
    files = {name.partition(".")[0]: str(args.directory / name) for name in wanted if "#" in name}
    data: dict[str, Any] = {
        "directory": str(args.directory),
        "size": f"{width}x{height}",
        "frames": format_range(numbers),
        "fps": str(fps),
        "input_space": flag,
        **files,
        "moments": [str(args.directory / name) for name in wanted if "#" not in name],
    }
    said = f"{args.directory}: {total} frames of {width}x{height} ({', '.join(wanted)})"
    return Result(data, f"{said}\nlinear Rec.709: retime them with --input-space {flag}" if flag else said)


def run_street(args: argparse.Namespace) -> Result:
    """Write the street: day, reference and the frames of the night.

    Raises:
        UsageError: moments between frames were asked for.
    """
    from retempo.cli.retime import open_progress
    from retempo.io.pattern import format_range, parse_range
    from retempo.retime.rational import parse_rate
    from retempo.scene.street import StreetScene

    if args.truth or args.times or args.samples != 1:
        raise UsageError(
            "--truth, --times and --samples are for --scene layers", "leave them out, or choose that scene"
        )
    width, height = parse_size(args.size)
    numbers, fps = parse_range(args.frames), parse_rate(args.fps, "--fps")
    scene = StreetScene(width, height, args.seed)
    wanted: dict[str, dict[int, Callable[[], Any]]] = {
        "day.exr": {0: scene.day},
        "reference.exr": {0: scene.reference},
        "night.####.exr": {number: partial(scene.night, number) for number in numbers},
    }
    with open_progress(args.quiet or args.json) as progress:
        done = 0
        for name, pictures in wanted.items():
            for _ in write_pictures(args.directory / name, pictures, fps, args.overwrite):
                done += 1
                if progress is not None:
                    progress(done, len(numbers) + 2, name)
    flag = space_flag()
    files = {name.partition(".")[0]: str(args.directory / name) for name in wanted}
    data = {
        "directory": str(args.directory),
        "size": f"{width}x{height}",
        "frames": format_range(numbers),
        "fps": str(fps),
        "input_space": flag,
        **files,
    }
    said = f"{args.directory}: a street of {width}x{height}, {len(numbers)} frames of its night ({', '.join(wanted)})"
    return Result(data, f"{said}\nlinear Rec.709: fuse them with --input-space {flag}" if flag else said)


def write_pictures(path: Path, pictures: dict[int, Callable[[], Any]], fps: Fraction, overwrite: bool) -> Any:
    """Write RGB pictures [H, W, 3] as half floats, number by number; a generator that yields each number."""
    from retempo.io.frame import Frame, make_layer
    from retempo.io.metadata import retimed
    from retempo.io.target import open_target
    from retempo.io.timecode import Timecode

    path.parent.mkdir(parents=True, exist_ok=True)
    target = open_target(str(path), overwrite=overwrite, source=None, fps=fps)
    try:
        for number, paint in pictures.items():
            layer = make_layer(paint(), ("R", "G", "B"))
            attributes = {
                **retimed(Timecode.parse(START_OF_DAY), number, fps),
                "chromaticities": LINEAR_REC709,
            }
            target.write(number, Frame([layer], layer.window, path, "openexr"), attributes)
            yield number
        target.close()
    except BaseException:
        target.abort()
        raise


def space_flag() -> str:
    """What to write after --input-space for what is written here, in the config that is in force; '' if it has none."""
    from retempo.color.chromaticities import identify
    from retempo.color.config import find_config
    from retempo.errors import ColorError

    try:
        return identify(find_config(), LINEAR_REC709).flag
    except ColorError:
        return ""  # a scene can be painted without any config


def write_sequence(
    scene: SampleScene,
    path: Path,
    times: dict[int, Fraction],
    fps: Fraction,
    samples: int,
    overwrite: bool,
    before: int = 0,
) -> Any:
    """Write the scene at ``times``, output number by output number; a generator that yields each number.

    ``before`` frames went by before the scene began: it is photographed at ``time - before``.
    """
    from retempo.io.metadata import retimed
    from retempo.io.target import open_target
    from retempo.io.timecode import Timecode

    path.parent.mkdir(parents=True, exist_ok=True)
    target = open_target(str(path), overwrite=overwrite, source=None, fps=fps)
    try:
        for number, time in times.items():
            attributes = {
                **retimed(Timecode.parse(START_OF_DAY), number, fps),
                "chromaticities": LINEAR_REC709,
                "retempo:sourceTime": str(time),
            }
            target.write(number, photograph(scene, time - before, samples), attributes)
            yield number
        target.close()
    except BaseException:
        target.abort()
        raise


def photograph(scene: SampleScene, time: Fraction, samples: int = 1) -> Frame:
    """The scene at a time: R, G, B, A half; Z, forward.u/v and backward.u/v (Nuke: y up) float; id uint."""
    import numpy as np

    from retempo.flow.vectors import PRESETS, encode_vectors
    from retempo.io.frame import Frame, make_layer

    seen = scene.render(float(time), samples)
    vectors = [
        encode_vectors(seen["forward"], PRESETS["nuke"], direction="forward"),
        encode_vectors(seen["backward"], PRESETS["nuke"], direction="backward"),
    ]
    names = ("R", "G", "B", "A", "Z", "forward.u", "forward.v", "backward.u", "backward.v")
    layer = make_layer(
        np.concatenate([seen["rgba"], seen["depth"][..., None], *vectors], axis=2),
        names,
        ids=seen["id"][..., None],
        id_names=("id",),
        formats={
            **{name: "half" if len(name) == 1 and name != "Z" else "float" for name in names},
            "id": "uint",
        },
    )
    return Frame([layer], layer.window, Path(f"sample at {time}"), "openexr")


def parse_size(text: str) -> tuple[int, int]:
    """``960x540`` -> (960, 540).

    Raises:
        UsageError: anything else.
    """
    found = re.fullmatch(r"(\d+)x(\d+)", text.strip().lower())
    if found is None:
        raise UsageError(f"--size is {text!r}", "write it as 960x540")
    return int(found[1]), int(found[2])
