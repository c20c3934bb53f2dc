"""Is what comes over the socket what ``retempo retime`` writes, bit for bit?"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from wire_client import Client, Picture, Refused

from plates import LINEAR, Program, picture, planes, write_image
from retempo.color.pipeline import ColorPipeline
from retempo.io.frame import Frame, Window, make_layer
from retempo.models.registry import find_engine
from retempo.models.weights import add_weights
from retempo.render.frame import FrameRenderer
from retempo.server.engine import OTHER_SETTINGS, RENDER_SETTINGS, pair_settings
from retempo.server.loop import Server
from retempo.server.messages import FlowWork
from retempo.server.render_message import Kind, Output, Role
from retempo.server.request_settings import allowed, read_settings

SETTINGS = {"config": "ocio://cg-config-latest", "input_space": "lin_rec709_scene"}
RGBA = ("R", "G", "B", "A")


def plate(number: int, channels: int = 4) -> np.ndarray:
    """RGBA float pixels that no half float holds exactly; bright spots above 1, soft alpha."""
    rgb = picture(number) * np.float32(1.37)
    alpha = np.clip(picture(number)[..., :1] * np.float32(1.2), 0, 1)
    return np.concatenate([rgb * alpha, alpha], 2)[..., :channels] if channels > 1 else alpha


def retimed(
    retempo: Program, folder: Path, pictures: list[np.ndarray], *arguments: object
) -> dict[int, np.ndarray]:
    """Frames 1, 2 written as float EXRs, retimed by the program at quarter speed, read back."""
    for number, pixels in enumerate(pictures, 1):
        names = {1: ("A",), 3: RGBA[:3], 4: RGBA}[pixels.shape[2]]
        write_image(folder / f"in.{number:04d}.exr", make_layer(pixels, names, formats="float"))
    out = folder / "out.####.exr"
    retempo.done("retime", folder / "in.####.exr", "-o", out, "--speed", "1/4", "--quiet", *arguments)
    names = {1: ("A",), 3: RGBA[:3], 4: RGBA}[pictures[0].shape[2]]
    return {n: planes(folder / f"out.{n:04d}.exr", names) for n in range(1, 6)}


@pytest.mark.parametrize(
    ("channels", "settings"),
    [
        (4, {}),
        (3, {"flow": "dis:fast", "filter": "lanczos4", "merge_exponent": "2"}),
        (1, {}),
        (4, {"engine": "blend"}),
        (4, {"input_space": "srgb_texture"}),
        (3, {"flow": "dis:fast+dis:coarse", "flow_scale": "0.5", "temperature": "7.5"}),
    ],
)
def test_same_bits_as_the_program(
    client: Client, retempo: Program, tmp_path: Path, channels: int, settings: dict[str, str]
) -> None:
    pictures = [plate(1, channels), plate(2, channels)]
    chosen = {**SETTINGS, **settings}
    flags = [word for name, value in chosen.items() for word in (f"--{name.replace('_', '-')}", value)]
    expected = retimed(retempo, tmp_path, pictures, *flags)
    given = [Picture(1, pictures[0]), Picture(2, pictures[1])]
    for output in range(1, 6):
        made, _ = client.render(1 + Fraction(output - 1, 4), given, chosen)
        np.testing.assert_array_equal(
            made.view(np.uint32), expected[output].view(np.uint32), f"frame {output}"
        )


def test_whole_source_times_are_copies(client: Client) -> None:
    pixels = plate(1)
    pixels[3, 4] = [np.nan, np.inf, -1e30, 1e-40]
    made, done = client.render(7, [Picture(7, pixels)], SETTINGS)
    np.testing.assert_array_equal(made.view(np.uint32), pixels.view(np.uint32))
    assert done.flow == FlowWork.NONE and done.prepare < 1e6


def test_windows_and_rows_going_up(client: Client, retempo: Program, tmp_path: Path) -> None:
    """A result larger than the frames is 0 around them; rows may go up; the region may begin anywhere."""
    from dataclasses import replace

    from wire_client import Window, ask, read_result

    pictures = [Picture(1, plate(1), x=-3, y=5), Picture(2, plate(2), x=-3, y=5)]
    whole, _ = client.render("5/4", pictures, SETTINGS)
    message = ask("5/4", pictures, SETTINGS, window=Window(-10, 0, 80, 30))
    stride = 4 * 4 * 80 + 16
    message = replace(message, stride=-stride, offset=128 + 29 * stride)
    number, fd = client.begin(message, pictures, 128 + 30 * stride)
    client.finish(number, message, pictures)
    made = read_result(fd, message)
    expected = np.zeros((30, 80, 4), np.float32)
    expected[5:, 7:71] = whole[:25]
    np.testing.assert_array_equal(made, expected)


def test_depth_decides_as_in_the_program(client: Client, retempo: Program, tmp_path: Path) -> None:
    folder, pictures = tmp_path, []
    for number in (1, 2):
        depth = np.abs(picture(number + 3)[..., :1]) * 50 + 1
        layer = make_layer(np.concatenate([plate(number), depth], 2), (*RGBA, "Z"), formats="float")
        write_image(folder / f"in.{number:04d}.exr", layer)
        pictures += [Picture(number, plate(number)), Picture(number, depth, Role.DEPTH)]
    chosen = {**SETTINGS, "depth": "add"}
    retempo.done(
        "retime",
        folder / "in.####.exr",
        "-o",
        folder / "out.####.exr",
        "--speed",
        "1/2",
        *LINEAR,
        "--depth",
        "add",
    )
    made, _ = client.render("3/2", pictures, chosen)
    np.testing.assert_array_equal(made, planes(folder / "out.0002.exr", RGBA))
    plain, _ = client.render("3/2", [one for one in pictures if one.role == Role.SOURCE], SETTINGS)
    assert not np.array_equal(made, plain)


@pytest.mark.parametrize("preset", ["nuke", "cycles"])
def test_vectors_input_as_in_the_program(
    client: Client, retempo: Program, tmp_path: Path, preset: str
) -> None:
    names = {
        "nuke": ("forward.u", "forward.v", "backward.u", "backward.v"),
        "cycles": ("Vector.X", "Vector.Y", "Vector.Z", "Vector.W"),
    }[preset]
    pictures = []
    for number in (1, 2):
        stored = [-2, 0, -2, 0] if preset == "cycles" else [2, 0, -2, 0]
        motion = np.zeros((36, 64, 4), np.float32) + np.array(stored, np.float32)
        layer = make_layer(np.concatenate([plate(number), motion], 2), (*RGBA, *names), formats="float")
        write_image(tmp_path / f"in.{number:04d}.exr", layer)
        pictures += [Picture(number, plate(number)), Picture(number, motion, Role.VECTORS)]
    retempo.done(
        "retime", tmp_path / "in.####.exr", "-o", tmp_path / "out.####.exr", "--speed", "1/2", *LINEAR,
        "--flow", "vectors", "--vector-preset", preset,
    )  # fmt: skip
    made, _ = client.render("3/2", pictures, {**SETTINGS, "flow": "vectors", "vector_preset": preset})
    np.testing.assert_array_equal(made, planes(tmp_path / "out.0002.exr", RGBA))
    assert np.abs(made[:, 8:-8] - (plate(1)[:, 7:-9] + plate(2)[:, 9:-7]) / 2).max() < 0.05


def test_vectors_request_is_what_the_vectors_command_writes(
    client: Client, retempo: Program, tmp_path: Path
) -> None:
    given = [Picture(number, plate(number)) for number in (4, 5, 6)]
    for one in given:
        write_image(tmp_path / f"in.{one.number}.exr", make_layer(one.pixels, RGBA, formats="float"))
    out = tmp_path / "v.@.exr"
    retempo.done("vectors", tmp_path / "in.@.exr", "-o", out, "--quiet", *LINEAR)
    wanted = {"kind": Kind.VECTORS}
    for number in (4, 5, 6):
        near = [one for one in given if abs(one.number - number) <= 1]
        vectors, _ = client.render(number, near, SETTINGS, output=Output.VECTORS, **wanted)
        names = ("forward.u", "forward.v", "backward.u", "backward.v")
        np.testing.assert_array_equal(vectors, planes(tmp_path / f"v.{number}.exr", names))
        for output in (Output.CONFIDENCE, Output.OCCLUSION):
            made, done = client.render(number, near, SETTINGS, output=output, **wanted)
            what = output.name.lower()
            stored = planes(tmp_path / f"v.{number}.exr", (f"{what}.forward", f"{what}.backward"))
            np.testing.assert_array_equal(made[..., :2].astype(np.float16), stored.astype(np.float16))
            assert done.flow != FlowWork.COMPUTED and (made[..., 3] == 1).all()
    cycles, _ = client.render(
        5, given, {**SETTINGS, "vector_preset": "cycles"}, output=Output.VECTORS, **wanted
    )
    vectors, _ = client.render(5, given, SETTINGS, output=Output.VECTORS, **wanted)
    np.testing.assert_array_equal(cycles, np.concatenate([vectors[..., 2:], -vectors[..., :2]], 2))


def test_trust_of_a_picture(client: Client) -> None:
    given = [Picture(1, plate(1)), Picture(2, plate(2))]
    known, _ = client.render("3/2", given, SETTINGS, output=Output.CONFIDENCE, channels=1)
    assert known.shape[2] == 1 and 0 <= known.min() < known.max() <= 1
    holes, _ = client.render("3/2", given, SETTINGS, output=Output.OCCLUSION)
    assert set(np.unique(holes[..., 0])) <= {0.0, 1.0} and (holes[..., 3] == 1).all()
    sure, _ = client.render(1, given, SETTINGS, output=Output.CONFIDENCE)
    assert (sure == 1).all()


def test_scrubbing_computes_flow_once(client: Client) -> None:
    """Any instant of a pair, other frame numbers, another filter or temperature: flow is not estimated again."""
    given = [Picture(1, plate(1)), Picture(2, plate(2))]
    first, done = client.render("5/4", given, SETTINGS)
    assert done.flow == FlowWork.COMPUTED and client.sent == [1, 2]
    for time in ("3/2", "7/4", "5/4"):
        again, done = client.render(time, given, SETTINGS)
        assert done.flow == FlowWork.CACHED
    np.testing.assert_array_equal(again, first)
    moved = [replace_number(one, one.number + 100) for one in given]
    same, done = client.render("405/4", moved, SETTINGS)
    assert done.flow == FlowWork.CACHED
    np.testing.assert_array_equal(same, first)
    _, done = client.render("5/4", given, {**SETTINGS, "flow": "dis:fast"})
    assert done.flow == FlowWork.COMPUTED
    assert client.sent == [1, 2], "frames crossed again"
    _, done = client.render("5/4", given, {**SETTINGS, "engine": "blend"})
    assert done.flow == FlowWork.NONE


OTHER_VALUES = {
    "filter": "lanczos4", "footprint": "bilinear", "sigma": "1", "merge": "linear", "merge_exponent": "3",
    "coverage_gate": "on", "stability": "none", "payload": "color", "temperature": "9", "coefficients": "5,2,1,5,2,1",
    "output_space": "srgb_texture", "deterministic": "true", "source_frames": "4",
    "shutter_samples": "0",
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER_VALUES)
def test_a_changed_setting_keeps_the_flow_and_gives_what_a_fresh_renderer_gives(
    client: Client, name: str
) -> None:
    given = [Picture(1, plate(1)), Picture(2, plate(2))]
    client.render("5/4", given, SETTINGS)
    chosen = {**SETTINGS, name: OTHER_VALUES[name]}
    made, done = client.render("5/4", given, chosen)
    assert done.flow == FlowWork.CACHED
    settings = read_settings(chosen)
    color = ColorPipeline(settings.config, settings.input_space, output_space=settings.output_space or None)
    renderer = FrameRenderer(settings, color)
    frames = {
        one.number: Frame([make_layer(one.pixels, RGBA, formats="float")], one.window, Path("x"))
        for one in given
    }
    fresh = renderer.render(renderer.prepare(frames), Fraction(5, 4)).layers[0].pixels
    np.testing.assert_array_equal(made.view(np.uint32), fresh.view(np.uint32))


@pytest.mark.parametrize("first", [1, 2])
def test_the_gap_among_three_frames_is_part_of_the_key(client: Client, first: int) -> None:
    """Both gaps of the same three frames: each is made from its own flows, in whatever order they are asked for."""
    given = [Picture(number, plate(number)) for number in (1, 2, 3)]
    chosen = {**SETTINGS, "source_frames": "4"}
    client.render(Fraction(2 * (3 - first) + 1, 2), given, chosen)
    made, done = client.render(Fraction(2 * first + 1, 2), given, chosen)
    assert done.flow == FlowWork.COMPUTED
    settings = read_settings(chosen)
    renderer = FrameRenderer(settings, ColorPipeline(settings.config, settings.input_space))
    frames = {
        one.number: Frame([make_layer(one.pixels, RGBA, formats="float")], one.window, Path("x"))
        for one in given
    }
    fresh = (
        renderer.render(renderer.prepare(frames, first=first), Fraction(2 * first + 1, 2)).layers[0].pixels
    )
    np.testing.assert_array_equal(made.view(np.uint32), fresh.view(np.uint32))


def test_the_display_window_is_part_of_a_flow(client: Client) -> None:
    """The same pixels within a larger display window have nothing around them, which flow is estimated with."""
    given = [Picture(1, plate(1), x=20, y=10), Picture(2, plate(2), x=20, y=10)]
    tight, done = client.render("3/2", given, SETTINGS)
    loose, done = client.render("3/2", given, SETTINGS, display=Window(0, 0, 104, 56))
    assert done.flow == FlowWork.COMPUTED and loose.shape == tight.shape
    np.testing.assert_allclose(loose[8:-8, 8:-8], tight[8:-8, 8:-8], atol=0.02)


def test_every_other_setting_is_part_of_the_key() -> None:
    """Those that preparing may look at; a new setting lands here by itself."""
    known = set(pair_settings()) | RENDER_SETTINGS | OTHER_SETTINGS
    assert known == set(allowed()) and set(OTHER_VALUES) >= RENDER_SETTINGS
    assert {"flow", "flow_scale", "temperature", "depth", "device", "engine"} <= set(pair_settings())


def replace_number(one: Picture, number: int) -> Picture:
    from dataclasses import replace

    return replace(one, number=number)


def test_memory_limit_is_honoured(serve: Callable[..., Server], folder: Path) -> None:
    limit = 1 << 20
    server = serve(cache_bytes=limit)
    with Client(folder) as client:
        for number in range(12):
            given = [Picture(0, plate(number)), Picture(1, plate(number + 1))]
            _, done = client.render("1/2", given, SETTINGS)
            assert 0 < done.cache_used <= limit
            assert server.cache.used <= limit
        _, done = client.render("1/2", given, SETTINGS)
        assert done.flow == FlowWork.CACHED
        _, done = client.render("1/2", [Picture(0, plate(0)), Picture(1, plate(1))], SETTINGS)
        assert done.flow == FlowWork.COMPUTED


def test_nothing_is_kept_without_a_cache(serve: Callable[..., Server], folder: Path) -> None:
    server = serve(cache_bytes=0)
    with Client(folder) as client:
        given = [Picture(0, plate(0)), Picture(1, plate(1))]
        one, _ = client.render("1/2", given, SETTINGS)
        two, done = client.render("1/2", given, SETTINGS)
        np.testing.assert_array_equal(one, two)
        assert done.flow == FlowWork.COMPUTED and server.cache.used == 0


@pytest.mark.parametrize(
    ("time", "settings", "changes", "code", "text"),
    [
        ("5/2", {}, {}, 6, "send the two frames"),
        ("3/2", {"speed": "2"}, {}, 2, "cannot be chosen"),
        ("3/2", {"vectors": "/tmp/x.#.exr"}, {}, 2, "cannot be chosen"),
        ("3/2", {"speed_curve": "/etc/passwd"}, {}, 2, "cannot be chosen"),
        ("3/2", {"nonsense": "1"}, {}, 2, "nonsense"),
        ("3/2", {"config": "../../x.ocio"}, {}, 2, "absolute"),
        ("3/2", {"config": "/etc/passwd"}, {}, 2, "absolute"),
        ("3/2", {"config": "/nowhere/x.ocio"}, {}, 5, "does not exist"),
        ("3/2", {"input_space": "lin_rec709_scen"}, {}, 5, "lin_rec709_scene"),
        ("3/2", {"temperature": "1e9"}, {}, 2, "temperature"),
        ("3/2", {"temperature": "1,5"}, {}, 2, "temperature"),
        ("3/2", {"deterministic": "yes"}, {}, 2, "true or false"),
        ("3/2", {"flow": "guess"}, {}, 2, "guess"),
        ("3/2", {"flow": "vectors"}, {}, 3, "vectors"),
        ("3/2", {"depth": "add"}, {}, 2, "depth"),
        ("3/2", {"device": "cuda:77"}, {}, 7, ""),
        ("3/2", {"engine": "film"}, {}, 8, "film:style has no weights here"),
        ("3/2", {"engine": "filn"}, {}, 2, "filn"),
        ("3/2", {"allow_untrained": "true"}, {}, 2, "cannot be chosen"),
        ("3/2", {}, {"channels": 3}, 2, "channels"),
        ("3/2", {"engine": "blend"}, {"output": Output.CONFIDENCE}, 2, "splatsyn"),
        ("3/2", {}, {"kind": Kind.VECTORS, "output": Output.VECTORS}, 3, "source frame"),
    ],
)
def test_what_cannot_be_done_is_said_and_the_connection_goes_on(
    client: Client, time: str, settings: dict[str, str], changes: dict[str, object], code: int, text: str
) -> None:
    given = [Picture(1, plate(1)), Picture(2, plate(2))]
    with pytest.raises(Refused) as refused:
        client.render(time, given, {**SETTINGS, **settings}, **changes)
    assert refused.value.failed.code == code, refused.value
    assert text in str(refused.value) and not refused.value.failed.closing
    client.ping()


def test_an_engine_with_weights_makes_the_frame(
    client: Client, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights by chance, put where weights belong: the picture is not the splatting's, alpha is moved."""
    torch = pytest.importorskip("torch", reason="engines have networks")
    folder = tmp_path_factory.mktemp("weights")
    monkeypatch.setenv("RETEMPO_WEIGHTS", str(folder / "here"))
    from retempo.models.ifrnet.adapter import IfrnetEngine

    torch.manual_seed(1)
    torch.save(find_engine("ifrnet").build("small").state_dict(), folder / "small.pth")
    add_weights("ifrnet-small", folder / "small.pth")
    given = [Picture(1, plate(1)), Picture(2, plate(2))]
    moved, _ = client.render("3/2", given, SETTINGS)
    made, _ = client.render("3/2", given, {**SETTINGS, "engine": "ifrnet:small"})
    assert made.shape == moved.shape and np.isfinite(made).all()
    assert not np.allclose(made[..., :3], moved[..., :3], atol=0.01)
    prepared: list[int] = []
    look = IfrnetEngine.prepare
    monkeypatch.setattr(
        IfrnetEngine, "prepare", lambda self, images: (prepared.append(1), look(self, images))[1]
    )
    again, _ = client.render("3/2", given, {**SETTINGS, "engine": "ifrnet:small"})
    client.render("5/4", given, {**SETTINGS, "engine": "ifrnet:small"})
    assert np.array_equal(made, again) and not prepared, "the pair is kept, features and all"


def test_frames_that_do_not_fit(client: Client) -> None:
    with pytest.raises(Refused, match="channels"):
        client.render("3/2", [Picture(1, plate(1)), Picture(2, plate(2, 3))], SETTINGS)
    cropped, _ = client.render(
        "3/2", [Picture(1, plate(1)), Picture(2, plate(2)[4:20, 5:40], x=5, y=4)], SETTINGS
    )
    assert np.isfinite(cropped).all()


def test_host_environment_has_no_say(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCIO", "/nowhere/config.ocio")
    made, _ = client.render("3/2", [Picture(1, plate(1)), Picture(2, plate(2))])
    assert made.any()
