"""Do movies give the frames and colours they hold, by exact number, and are they written so?"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from io_frames import framed  # type: ignore[import-not-found]

from retempo.conventions import SETTINGS_KEY
from retempo.errors import InputError, OutputError, UsageError
from retempo.io import metadata, yuv
from retempo.io.frame import Frame, Window, make_layer
from retempo.io.sequence import open_source
from retempo.io.target import open_target
from retempo.io.timecode import Timecode

FPS = Fraction(24000, 1001)


def picture(n: int, height: int = 48, width: int = 64) -> np.ndarray:
    """A smooth picture whose brightness tells its number."""
    y, x = np.mgrid[0:height, 0:width]
    base = np.stack([x / width, y / height, 0.5 + 0.4 * np.sin(x / 9)], -1)
    return (0.1 + 0.6 * base + 0.01 * n).astype(np.float32)


def write(path: Path, count: int = 8, **options: object) -> Path:
    target = open_target(path, fps=FPS, overwrite=True, **options)  # type: ignore[arg-type]
    for n in range(1001, 1001 + count):
        target.write(n, framed(make_layer(picture(n - 1001), "RGB")),
                     {SETTINGS_KEY: "cafe", metadata.TIMECODE: Timecode(1, 0, 0, n - 1001)})  # fmt: skip
    assert not path.exists()
    target.close()
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert target.stamp(1001) == "cafe" and target.is_whole(1001)
    return path


@pytest.mark.parametrize(
    ("name", "options", "fmt", "tolerance"),
    [
        ("a.mp4", {}, "yuv420p", 1.3), ("b.mp4", {"codec": "h264", "bits": 10}, "yuv420p10le", 1.3),
        ("c.mp4", {"codec": "hevc", "bits": 10}, "yuv420p10le", 1.3), ("d.mov", {}, "yuv422p10le", 0.4),
        ("e.mkv", {}, "bgr0", 0.3), ("f.mkv", {"bits": 10}, "gbrp10le", 0.08),
    ],
)  # fmt: skip
def test_written_movies_read_back(
    tmp_path: Path, name: str, options: dict, fmt: str, tolerance: float
) -> None:
    source = open_source(write(tmp_path / name, **options))
    assert source.kind == "movie" and source.frames == tuple(range(8)) and source.fps == FPS
    for n in (0, 5, 2, 7, 7, 1):
        frame = source.read(n)
        assert 255 * np.abs(frame.layers[0].pixels - picture(n)).mean() < tolerance
        assert str(metadata.timecode_of(frame)) == f"01:00:00:{n:02d}"
        assert metadata.fps_of(frame) == FPS
    with av.open(str(tmp_path / name)) as container:
        context = container.streams.video[0].codec_context
        assert context.pix_fmt == fmt
        if fmt.startswith("yuv"):
            assert (context.colorspace, context.color_range, context.color_primaries) == (1, 1, 1)
    strip = source.read(3, (10, 20)).layers[0]
    assert strip.window == Window(0, 10, 64, 10)
    np.testing.assert_array_equal(strip.pixels, source.read(3).layers[0].pixels[10:20])
    assert source.digest(1) != source.digest(2)
    source.close()


@pytest.mark.parametrize(("bits", "fmt"), [(8, "yuv420p"), (10, "yuv420p10le")])
def test_a_movie_keeps_the_depth_of_its_source(tmp_path: Path, bits: int, fmt: str) -> None:
    source = open_source(write(tmp_path / "a" / "in.mp4", 2, bits=bits))
    made = write(tmp_path / "b" / "out.mp4", 2, source=source)
    with av.open(str(made)) as container:
        assert container.streams.video[0].codec_context.pix_fmt == fmt
    source.close()


def test_lossless_ffv1_is_exact(tmp_path: Path, rng: np.random.Generator) -> None:
    codes = rng.integers(0, 256, (9, 7, 3))
    target = open_target(tmp_path / "a.mkv", fps=FPS)
    target.write(1, framed(make_layer((codes / 255).astype(np.float32), "RGB")), {})
    target.close()
    got = open_source(tmp_path / "a.mkv").read(0).layers[0].pixels
    np.testing.assert_array_equal(np.rint(got * 255), codes)


@given(
    matrix=st.sampled_from(sorted(yuv.LUMA)), bits=st.sampled_from([8, 10, 12]), full=st.booleans(),
    sub=st.sampled_from([(False, False), (True, False), (True, True)]),
    height=st.integers(1, 12), width=st.integers(1, 12), seed=st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_codes_that_are_read_and_written_stay(matrix, bits, full, sub, height, width, seed) -> None:
    """Any codes, whatever colours they stand for, at odd sizes too: chroma is shrunk by what undoes its growing."""
    rng = np.random.default_rng(seed)
    shape = (height + 1) // 2 if sub[1] else height, (width + 1) // 2 if sub[0] else width
    low, high = (0, 1 << bits) if full else (16 << (bits - 8), 235 << (bits - 8))
    kind = np.uint8 if bits == 8 else np.uint16
    planes = [rng.integers(low, high, size).astype(kind) for size in ((height, width), shape, shape)]
    rgb = yuv.to_rgb(*planes, matrix=matrix, bits=bits, full=full)
    again = yuv.from_rgb(rgb, matrix=matrix, bits=bits, full=full, sub_x=sub[0], sub_y=sub[1], headroom=True)
    for before, after in zip(planes, again, strict=True):
        np.testing.assert_array_equal(after, before)


def codes_of(path: Path, n: int) -> list[np.ndarray]:
    """The planes of a frame as they are stored."""
    with av.open(str(path)) as container:
        shown = list(container.decode(video=0))[n]
    size = 1 if shown.format.components[0].bits == 8 else 2
    kind = np.dtype(f"<u{size}")
    rows = [np.frombuffer(one, np.uint8).reshape(one.height, one.line_size) for one in shown.planes]
    return [row[:, : one.width * size].view(kind) for row, one in zip(rows, shown.planes, strict=True)]


def test_a_movie_made_of_a_movie_has_its_codes(tmp_path: Path, rng: np.random.Generator) -> None:
    """Lossless H.264, sharp colours: the second generation is the first, beyond black and white, too."""
    sharp = np.repeat(np.repeat(rng.random((12, 16, 3)), 4, 0), 4, 1).astype(np.float32)
    first = open_target(tmp_path / "a.mp4", fps=FPS, codec="h264", quality=0)
    first._headroom = True  # type: ignore[attr-defined]  # a camera's: super-white, and codes of no RGB colour
    for n in range(2):
        first.write(n, framed(make_layer(sharp * 1.3 - 0.15, "RGB")), {})
    first.close()
    source = open_source(tmp_path / "a.mp4")
    pixels = source.read(0).layers[0].pixels
    assert pixels.min() < -0.03 and pixels.max() > 1.03
    second = open_target(tmp_path / "b.mp4", fps=FPS, codec="h264", quality=0, source=source)
    for n in range(2):
        second.write(n, source.read(n), {})
    second.close()
    for n in range(2):
        for before, after in zip(
            codes_of(tmp_path / "a.mp4", n), codes_of(tmp_path / "b.mp4", n), strict=True
        ):
            assert np.abs(before.astype(int) - after.astype(int)).max() <= 1
    source.close()


@given(
    matrix=st.sampled_from(sorted(yuv.LUMA)), bits=st.sampled_from([8, 10, 12]), full=st.booleans(),
    sub=st.sampled_from([(False, False), (True, False), (True, True)]),
    height=st.integers(1, 9), width=st.integers(1, 9),
    color=st.tuples(*[st.floats(0, 1, width=32)] * 3),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_flat_colour_survives_every_encoding(matrix, bits, full, sub, height, width, color) -> None:
    flat = np.broadcast_to(np.float32(color), (height, width, 3))
    planes = yuv.from_rgb(flat, matrix=matrix, bits=bits, full=full, sub_x=sub[0], sub_y=sub[1])
    assert planes[1].shape == (-(-height // (1 + sub[1])), -(-width // (1 + sub[0])))
    back = yuv.to_rgb(*planes, matrix=matrix, bits=bits, full=full)
    assert np.abs(back - flat).max() < 2.0 / (1 << bits)


def test_known_codes() -> None:
    red = np.float32([[[1, 0, 0]]])
    planes = yuv.from_rgb(red, matrix=1, bits=8, full=False, sub_x=False, sub_y=False)
    assert [int(p[0, 0]) for p in planes] == [63, 102, 240]
    assert (
        yuv.matrix_for(2, 1920, 1080) == 1
        and yuv.matrix_for(2, 720, 480) == 6
        and yuv.matrix_for(9, 720, 480) == 9
    )


def test_real_clip_frames_by_number(data_dir: Path) -> None:
    path = data_dir / "clips" / "01_dog.mp4"
    source = open_source(path)
    assert source.fps == Fraction(30000, 1001) and source.frames == tuple(range(289))
    with av.open(str(path)) as container:
        shown = [
            np.asarray(f.to_ndarray()[:720], np.float32)
            for f, _ in zip(container.decode(video=0), range(270), strict=False)
        ]
    for n in (20, 3, 269, 21, 22, 268):
        luma = source.read(n).layers[0].pixels @ np.float32([0.2126, 0.7152, 0.0722])
        codes = luma * 219 + 16
        assert np.abs(codes - shown[n]).max() < 0.01
        assert np.abs(codes - shown[n - 1]).max() > 1
    assert open_source(path, "280-300").missing == tuple(range(289, 301))
    with pytest.raises(InputError, match="no frame 289"):
        source.read(289)


def test_refusals(tmp_path: Path) -> None:
    frame = framed(make_layer(picture(0), "RGB"))
    with pytest.raises(UsageError, match="unknown movie codec"):
        open_target(tmp_path / "a.mov", codec="cinepak")
    with pytest.raises(UsageError, match="bits"):
        open_target(tmp_path / "a.mov", codec="prores", bits=8)
    target = open_target(tmp_path / "a.mp4", fps=FPS)
    target.write(2, frame, {})
    with pytest.raises(OutputError, match="comes after"):
        target.write(2, frame, {})
    target.abort()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OutputError, match="even size"):
        open_target(tmp_path / "b.mp4", fps=FPS).write(1, framed(make_layer(picture(0, 47), "RGB")), {})
    broken = tmp_path / "c.mp4"
    write(tmp_path / "sub.mp4")
    data = (tmp_path / "sub.mp4").read_bytes()
    broken.write_bytes(data[: len(data) // 3])
    with pytest.raises(InputError, match=r"c.mp4"):
        open_source(broken)
    with pytest.raises(InputError, match="does not exist"):
        open_source(tmp_path / "no.mov")
    source = open_source(tmp_path / "sub.mp4")
    with pytest.raises(OutputError, match="destroy its own source"):
        open_target(tmp_path / "sub.mp4", overwrite=True, source=source)


def test_data_window_is_placed_in_the_display(tmp_path: Path) -> None:
    layer = make_layer(
        np.ones((4, 4, 3), np.float32), "RGB", window=Window(-2, 6, 4, 4), display=Window(0, 0, 8, 8)
    )
    target = open_target(tmp_path / "a.mkv", fps=FPS)
    target.write(1, Frame([layer], Window(0, 0, 8, 8), Path("x")), {})
    target.close()
    got = open_source(tmp_path / "a.mkv").read(0).layers[0].pixels[..., 0]
    expected = np.zeros((8, 8))
    expected[6:8, 0:2] = 1
    np.testing.assert_array_equal(got, expected)
