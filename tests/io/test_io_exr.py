"""Does every bit of an EXR survive reading and writing: values, windows, parts, types, metadata, ids?"""

from __future__ import annotations

import threading
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from io_frames import framed, half_values  # type: ignore[import-not-found]

from retempo.errors import InputError
from retempo.io import metadata
from retempo.io.flow_files import FlowImage, read_flow, write_flow
from retempo.io.frame import Frame, Window, check_same_layout, make_layer
from retempo.io.reader import read_frame, read_header
from retempo.io.timecode import Timecode
from retempo.io.writer import FrameWriter, write_frame


def same(a: Frame, b: Frame) -> None:
    assert a.display == b.display and len(a.layers) == len(b.layers)
    for one, two in zip(a.layers, b.layers, strict=True):
        assert (one.name, one.view, one.order, one.formats) == (two.name, two.view, two.order, two.formats)
        assert (one.channels, one.id_channels, one.window) == (two.channels, two.id_channels, two.window)
        np.testing.assert_array_equal(one.pixels.view(np.uint32), two.pixels.view(np.uint32))
        np.testing.assert_array_equal(one.ids, two.ids)


def test_every_half_is_bit_exact(tmp_path: Path) -> None:
    bits = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    spec = oiio.ImageSpec(256, 256, 1, "half")
    spec.channelnames = ("R",)
    raw = tmp_path / "raw.exr"
    out = oiio.ImageOutput.create(str(raw))
    assert out.open(str(raw), spec) and out.write_image(bits.view(np.float16)) and out.close()
    write_frame(tmp_path / "copy.exr", read_frame(raw))
    back = oiio.ImageInput.open(str(tmp_path / "copy.exr")).read_image("half")
    np.testing.assert_array_equal(back.view(np.uint16).reshape(bits.shape), bits)


def test_float_bits_survive_with_nan_and_inf(tmp_path: Path, rng: np.random.Generator) -> None:
    bits = rng.integers(0, 2**32, (16, 16, 2), dtype=np.uint32)
    bits[0, :3, 0] = 0x7F800001, 0xFF800000, 0x7FC01234
    half = half_values(rng, (16, 16, 1))
    half[0, :2, 0] = np.inf, np.nan
    names = ("P.x", "P.y", "w")
    layer = make_layer(
        np.concatenate([bits.view(np.float32), half], -1),
        names,
        formats={"P.x": "float", "P.y": "float", "w": "half"},
    )
    write_frame(tmp_path / "a.exr", framed(layer))
    back = read_frame(tmp_path / "a.exr").layers[0]
    assert back.formats == {"P.x": "float", "P.y": "float", "w": "half"}
    for i, name in enumerate(names):
        expected = layer.pixels[..., i].view(np.uint32)
        np.testing.assert_array_equal(back.pixels[..., back.channels.index(name)].view(np.uint32), expected)


def test_half_rounding_and_overflow(tmp_path: Path) -> None:
    values = np.array([65504, 65519, 65520, 1e30, -1e30, 6e-8, 1 + 2**-11, 1 + 3 * 2**-11], np.float32)
    write_frame(tmp_path / "a.exr", framed(make_layer(values.reshape(1, -1, 1), ("R",))))
    expected = [65504, 65504, np.inf, np.inf, -np.inf, 2**-24, 1, 1 + 2**-9]
    np.testing.assert_array_equal(
        read_frame(tmp_path / "a.exr").layers[0].pixels.ravel(), np.float32(expected)
    )


@pytest.mark.parametrize("compression", ["none", "rle", "zips", "zip", "piz", "pxr24", "dwaa:45", "b44"])
def test_mixed_types_ids_and_cryptomatte(tmp_path: Path, rng: np.random.Generator, compression: str) -> None:
    ids = rng.integers(0, 2**32, (33, 17, 3), dtype=np.uint32)
    ids[0, :4] = [[0] * 3, [1] * 3, [2**32 - 1] * 3, [0x7F800001] * 3]
    names = ("R", "G", "B", "A", "Z")
    layer = make_layer(
        half_values(rng, (33, 17, 5)), names, ids=ids, id_names=("CryptoObject00.r", "CryptoObject00.g", "id"),
        formats={**dict.fromkeys(names, "half"), "Z": "float", "CryptoObject00.r": "float",
                 "CryptoObject00.g": "float", "id": "uint"},
    )  # fmt: skip
    layer.spec.attribute("compression", compression)
    layer.spec.attribute("cryptomatte/ab12cd3/name", "CryptoObject")
    layer.spec.attribute("cryptomatte/ab12cd3/manifest", '{"ball":"3f2a1b4c"}')
    write_frame(tmp_path / "a.exr", framed(layer))
    first = read_frame(tmp_path / "a.exr")
    back = first.layers[0]
    assert set(back.id_channels) == {"CryptoObject00.r", "CryptoObject00.g", "id"}
    assert back.formats["id"] == "uint" and back.formats["CryptoObject00.r"] == "float"
    assert back.formats["R"] == "half" and back.formats["Z"] == "float"
    for i, name in enumerate(layer.id_channels):
        np.testing.assert_array_equal(back.ids[..., back.id_channels.index(name)], ids[..., i])
    assert back.spec.getattribute("cryptomatte/ab12cd3/manifest") == '{"ball":"3f2a1b4c"}'
    write_frame(tmp_path / "b.exr", first)
    same(first, read_frame(tmp_path / "b.exr"))


def test_metadata_survives_and_changes(tmp_path: Path, rng: np.random.Generator) -> None:
    layer = make_layer(half_values(rng, (4, 5, 3)), "RGB")
    fps, code = Fraction(24000, 1001), Timecode(1, 2, 3, 4)
    chroma = (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)
    layer.spec.attribute("worldToCamera", oiio.TypeMatrix, tuple(float(i) for i in range(16)))
    given = {metadata.FPS: fps, metadata.TIMECODE: code, "chromaticities": chroma, "show": "x", "take": 3,
             "PixelAspectRatio": 2.0, "compression": "dwaa:80"}  # fmt: skip
    write_frame(tmp_path / "a.exr", framed(layer), given)
    frame = read_header(tmp_path / "a.exr")
    assert metadata.fps_of(frame) == fps and metadata.timecode_of(frame) == code
    write_frame(tmp_path / "b.exr", read_frame(tmp_path / "a.exr"), metadata.retimed(code, 30, fps))
    after = read_header(tmp_path / "b.exr")
    values = metadata.attributes_of(after)
    assert values["chromaticities"] == pytest.approx(chroma) and values["show"] == "x" and values["take"] == 3
    assert values["worldToCamera"] == tuple(float(i) for i in range(16)) and values["PixelAspectRatio"] == 2.0
    assert values["compression"] == "dwaa" and values["openexr:dwaCompressionLevel"] == 80
    assert str(metadata.timecode_of(after)) == "01:02:04:10"
    write_frame(tmp_path / "c.exr", read_frame(tmp_path / "b.exr"), metadata.retimed(None, 0, None))
    bare = read_header(tmp_path / "c.exr")
    assert metadata.timecode_of(bare) is None and metadata.fps_of(bare) is None


def multipart(rng: np.random.Generator) -> Frame:
    display = Window(0, 0, 40, 30)
    left = make_layer(half_values(rng, (36, 48, 4)), "RGBA", window=Window(-4, -3, 48, 36), display=display,
                      name="rgba", view="left")  # fmt: skip
    depth = make_layer(half_values(rng, (9, 10, 1)), ("Z",), window=Window(20, 15, 10, 9), display=display,
                       formats="float", name="depth", view="left")  # fmt: skip
    marks = make_layer(None, (), ids=rng.integers(0, 2**32, (30, 40, 1), dtype=np.uint32), id_names=("id",),
                       display=display, name="ids", view="left")  # fmt: skip
    mixed = make_layer(half_values(rng, (30, 40, 1)), ("M",), ids=rng.integers(0, 2**32, (30, 40, 1), dtype=np.uint32),
                       id_names=("id",), display=display, name="mixed", view="right")  # fmt: skip
    return Frame([left, depth, marks, mixed], display, Path("made"), "openexr")


def test_multipart_windows_and_views(tmp_path: Path, rng: np.random.Generator) -> None:
    frame = multipart(rng)
    write_frame(tmp_path / "a.exr", frame)
    back = read_frame(tmp_path / "a.exr")
    assert [layer.name for layer in back.layers] == ["rgba", "depth", "ids", "mixed"]
    assert [layer.view for layer in back.layers] == ["left", "left", "left", "right"]
    assert back.layers[0].window == Window(-4, -3, 48, 36) and back.display == Window(0, 0, 40, 30)
    same(back, Frame(frame.layers, frame.display, Path()))
    header = read_header(tmp_path / "a.exr")
    assert header.layers[0].pixels.shape == (36, 48, 4) and header.nbytes == back.nbytes


@pytest.mark.parametrize("step", [1, 7, 100])
def test_strips_equal_the_whole(tmp_path: Path, rng: np.random.Generator, step: int) -> None:
    write_frame(tmp_path / "a.exr", multipart(rng))
    writer = FrameWriter(tmp_path / "b.exr", read_header(tmp_path / "a.exr"))
    for y in range(-10, 45, step):
        writer.write_rows(y, read_frame(tmp_path / "a.exr", (y, y + step)).layers)
    writer.commit()
    same(read_frame(tmp_path / "a.exr"), read_frame(tmp_path / "b.exr"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.exr", "b.exr"]


def test_tiled_files_are_read_in_strips(tmp_path: Path, rng: np.random.Generator) -> None:
    spec = oiio.ImageSpec(50, 45, 3, "half")
    spec.x, spec.y, spec.tile_width, spec.tile_height = -3, -5, 16, 16
    out = oiio.ImageOutput.create("openexr")
    values = half_values(rng, (45, 50, 3))
    assert out.open(str(tmp_path / "t.exr"), spec) and out.write_image(values) and out.close()
    whole = read_frame(tmp_path / "t.exr")
    np.testing.assert_array_equal(whole.layers[0].pixels, values)
    for y0, y1 in ((-5, -4), (0, 13), (10, 12), (39, 60)):
        strip = read_frame(tmp_path / "t.exr", (y0, y1)).layers[0]
        assert strip.window == whole.layers[0].window.rows(y0, y1)
        np.testing.assert_array_equal(strip.pixels, values[y0 + 5 : y1 + 5])
    write_frame(tmp_path / "u.exr", whole)
    np.testing.assert_array_equal(read_frame(tmp_path / "u.exr").layers[0].pixels, values)


def test_deep_is_refused(tmp_path: Path) -> None:
    spec = oiio.ImageSpec(4, 3, 2, "float")
    spec.channelnames, spec.deep = ("A", "Z"), True
    data = oiio.DeepData()
    data.init(12, 2, (oiio.TypeFloat, oiio.TypeFloat), ("A", "Z"))
    out = oiio.ImageOutput.create("openexr")
    assert out.open(str(tmp_path / "d.exr"), spec) and out.write_deep_image(data) and out.close()
    with pytest.raises(InputError, match=r"d.exr is a deep image.*flatten"):
        read_frame(tmp_path / "d.exr")
    with pytest.raises(InputError, match="deep"):
        read_header(tmp_path / "d.exr")


def test_layouts_that_do_not_fit(tmp_path: Path, rng: np.random.Generator) -> None:
    def frame(size: tuple[int, int], names: str, path: str) -> Frame:
        layer = make_layer(half_values(rng, (*size, len(names))), names)
        return Frame([layer], layer.window, Path(path))

    check_same_layout(frame((4, 5), "RGB", "a.exr"), frame((4, 5), "RGB", "b.exr"))
    with pytest.raises(InputError, match=r"a.exr and b.exr.*5x4 against 6x4"):
        check_same_layout(frame((4, 5), "RGB", "a.exr"), frame((4, 6), "RGB", "b.exr"))
    with pytest.raises(InputError, match=r"a.exr and b.exr.*channels.*'A'"):
        check_same_layout(frame((4, 5), "RGB", "a.exr"), frame((4, 5), "RGBA", "b.exr"))


def test_zero_size_is_refused() -> None:
    with pytest.raises(InputError, match="at least one pixel"):
        make_layer(np.zeros((0, 5, 3), np.float32), "RGB")


def test_beachball_stereo_round_trip(data_dir: Path, tmp_path: Path) -> None:
    frame = read_frame(data_dir / "exr" / "beachball" / "multipart.0001.exr")
    assert len(frame.layers) == 10 and {layer.view for layer in frame.layers} == {"left", "right", ""}
    assert frame.layers[0].window == Window(654, 245, 877, 876) and frame.display == Window(0, 0, 2048, 1556)
    write_frame(tmp_path / "b.exr", frame)
    same(frame, read_frame(tmp_path / "b.exr"))


def test_display_windows_round_trip(data_dir: Path, tmp_path: Path) -> None:
    files = sorted((data_dir / "exr" / "display_window").glob("*.exr"))
    assert len(files) >= 16
    for path in files:
        frame = read_frame(path)
        write_frame(tmp_path / "a.exr", frame)
        same(frame, read_frame(tmp_path / "a.exr"))


def test_reading_releases_the_gil(tmp_path: Path, rng: np.random.Generator) -> None:
    write_frame(tmp_path / "a.exr", framed(make_layer(half_values(rng, (1080, 1920, 4)), "RGBA")))
    ticks, done = [0], threading.Event()

    def count() -> None:
        while not done.is_set():
            ticks[0] += 1
            time.sleep(0.0005)

    thread = threading.Thread(target=count)
    thread.start()
    file = oiio.ImageInput.open(str(tmp_path / "a.exr"))
    before = ticks[0]
    file.read_image(0, 0, 0, 4, "half")
    during = ticks[0] - before
    done.set()
    thread.join()
    assert during >= 2


def test_flow_files(tmp_path: Path, rng: np.random.Generator) -> None:
    flow = FlowImage(
        rng.normal(0, 5, (6, 7, 2)).astype(np.float32), rng.normal(0, 5, (6, 7, 2)).astype(np.float32),
        rng.random((6, 7), dtype=np.float32), None,
    )  # fmt: skip
    write_flow(tmp_path / "f.exr", flow)
    back = read_flow(tmp_path / "f.exr")
    np.testing.assert_array_equal(back.forward, flow.forward)
    np.testing.assert_array_equal(back.backward, flow.backward)
    np.testing.assert_array_equal(back.occlusion, flow.occlusion)
    assert back.confidence is None
    write_frame(tmp_path / "rgb.exr", framed(make_layer(half_values(rng, (4, 4, 3)), "RGB")))
    with pytest.raises(InputError, match="holds no flow channels, only R, G, B"):
        read_flow(tmp_path / "rgb.exr")
