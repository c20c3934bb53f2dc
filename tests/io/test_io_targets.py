"""Are outputs whole or absent, whatever goes wrong, and are bad inputs named?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from io_frames import framed, half_values  # type: ignore[import-not-found]

from retempo.conventions import SETTINGS_KEY
from retempo.errors import InputError, OutputError, UsageError
from retempo.io.frame import make_layer
from retempo.io.reader import read_frame
from retempo.io.sequence import open_source
from retempo.io.target import open_target
from retempo.io.whole import broken_reason
from retempo.io.writer import FrameWriter, write_frame

EXTENSIONS = ["exr", "tif", "png", "jpg", "dpx"]


@pytest.mark.parametrize("ext", EXTENSIONS)
def test_stamp_and_whole(tmp_path: Path, rng: np.random.Generator, ext: str) -> None:
    frame = framed(make_layer(rng.random((20, 30, 3), dtype=np.float32), "RGB"))
    target = open_target(tmp_path / f"deep/er/out.####.{ext}", frames=[1, 2])
    assert target.stamp(1) is None and not target.is_whole(1)
    target.write(1, frame, {SETTINGS_KEY: "f" * 64})
    assert target.stamp(1) == "f" * 64 and target.is_whole(1)
    assert target.path(1).name == f"out.0001.{ext}" and len(list(target.path(1).parent.iterdir())) == 1
    with pytest.raises(OutputError, match="exists"):
        target.write(1, frame, {})
    data = target.path(1).read_bytes()
    for keep in (0, 10, len(data) // 2, len(data) - 40):
        target.path(1).write_bytes(data[:keep])
        assert not target.is_whole(1), keep
        with pytest.raises(InputError, match=r"out.0001"):
            open_source(tmp_path / f"deep/er/out.####.{ext}").read(1)


def test_exr_with_a_hole_in_its_table(tmp_path: Path, rng: np.random.Generator) -> None:
    path = tmp_path / "a.exr"
    write_frame(path, framed(make_layer(half_values(rng, (64, 64, 3)), "RGB")))
    data = bytearray(path.read_bytes())
    table = data.index(b"screenWindowWidth\0float\0") + 24 + 8 + 1
    data[table + 8 : table + 16] = bytes(8)
    path.write_bytes(data)
    assert "chunk 2 of 4 was never written" in str(broken_reason(path))
    garbage = tmp_path / "g.exr"
    garbage.write_bytes(b"\x76\x2f\x31\x01" + rng.bytes(5000))
    with pytest.raises(InputError, match=r"g.exr"):
        read_frame(garbage)


@pytest.mark.parametrize(
    ("ext", "depth", "top"),
    [("png", "uint8", 255), ("png", "uint16", 65535), ("tif", "uint8", 255), ("tif", "uint16", 65535),
     ("dpx", "uint10", 1023)],
)  # fmt: skip
def test_every_integer_round_trips(tmp_path: Path, ext: str, depth: str, top: int) -> None:
    codes = np.resize(np.arange(top + 1), (256, 256, 1)).repeat(3, 2)
    frame = framed(make_layer((codes / top).astype(np.float32), "RGB"))
    write_frame(tmp_path / f"a.{ext}", frame, depth=depth)
    first = read_frame(tmp_path / f"a.{ext}")
    assert first.layers[0].formats["R"] == depth
    np.testing.assert_array_equal(np.rint(first.layers[0].pixels * top).astype(int), codes)
    write_frame(tmp_path / f"b.{ext}", first)
    np.testing.assert_array_equal(read_frame(tmp_path / f"b.{ext}").layers[0].pixels, first.layers[0].pixels)


def test_integers_round_to_nearest_and_clip(tmp_path: Path) -> None:
    values = (
        np.array([-1, 0.4 / 1023, 0.6 / 1023, 2, np.nan, np.inf], np.float32).reshape(1, -1, 1).repeat(3, 2)
    )
    for ext in ("dpx", "png"):
        write_frame(tmp_path / f"a.{ext}", framed(make_layer(values, "RGB")))
    got = np.rint(read_frame(tmp_path / "a.dpx").layers[0].pixels[0, :, 0] * 1023)
    np.testing.assert_array_equal(got, [0, 0, 1, 1023, 0, 1023])
    np.testing.assert_array_equal(
        read_frame(tmp_path / "a.png").layers[0].pixels[0, [0, 3, 4, 5], 0], [0, 1, 0, 1]
    )


def test_straight_alpha_is_premultiplied_and_back(tmp_path: Path) -> None:
    alpha, color = np.meshgrid(np.arange(1, 256), np.arange(256))
    codes = np.stack([color, color, color, alpha], -1)
    spec = oiio.ImageSpec(255, 256, 4, "uint8")
    spec.attribute("oiio:UnassociatedAlpha", 1)
    out = oiio.ImageOutput.create("png")
    assert out.open(str(tmp_path / "a.png"), spec) and out.write_image(codes.astype(np.uint8)) and out.close()
    frame = read_frame(tmp_path / "a.png")
    expected = codes[..., 0] / 255 * codes[..., 3] / 255
    np.testing.assert_allclose(frame.layers[0].pixels[..., 0], expected, atol=1e-6)
    write_frame(tmp_path / "b.png", frame)
    assert (tmp_path / "b.png").stat().st_size
    again = read_frame(tmp_path / "b.png").layers[0].pixels
    np.testing.assert_array_equal(again, frame.layers[0].pixels)


def test_source_is_never_overwritten(make_sequence, tmp_path: Path) -> None:
    pattern = make_sequence([1, 2])
    source = open_source(pattern)
    for name in ("shot.%04d.exr", "./shot.$F4.exr"):
        with pytest.raises(OutputError, match="destroy its own source"):
            open_target(tmp_path / name, overwrite=True, source=source)
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(OutputError, match="destroy its own source"):
        open_target(tmp_path / "link" / "shot.####.exr", overwrite=True, source=source)
    target = open_target(tmp_path / "shot.##.exr", overwrite=True, source=source)
    os.link(source.path(1), tmp_path / "shot.07.exr")
    with pytest.raises(OutputError, match="destroy its own source"):
        target.write(7, source.read(1), {})


def test_pattern_without_token(tmp_path: Path, make_sequence) -> None:
    source = open_source(make_sequence([1]))
    with pytest.raises(UsageError, match=r"one file for 3.*out.####.exr"):
        open_target(tmp_path / "out.exr", frames=[1, 2, 3])
    target = open_target(tmp_path / "out.exr")
    target.write(1, source.read(1), {})
    with pytest.raises(UsageError, match="one file"):
        target.write(2, source.read(1), {})
    with pytest.raises(UsageError, match="cannot write files of this kind"):
        open_target(tmp_path / "out.####.xyz")
    with pytest.raises(UsageError, match="cannot store 'half'"):
        open_target(tmp_path / "out.####.png", depth="half")


def test_abort_and_missing_rows_leave_nothing(tmp_path: Path, rng: np.random.Generator) -> None:
    frame = framed(make_layer(half_values(rng, (20, 8, 3)), "RGB"))
    target = open_target(tmp_path / "o" / "a.####.exr")
    target.begin(1, frame, {})
    target.abort()
    writer = target.begin(2, frame, {})
    layer = frame.layers[0]
    writer.write_rows(0, [layer.like(layer.pixels[:10], layer.ids[:10])])
    with pytest.raises(OutputError, match="do not continue"):
        writer.write_rows(12, [layer.like(layer.pixels[12:], layer.ids[12:])])
    with pytest.raises(OutputError, match=r"rows 10..20 were not written"):
        writer.commit()
    assert list((tmp_path / "o").iterdir()) == []


def test_stale_files_of_dead_processes_go(tmp_path: Path, rng: np.random.Generator) -> None:
    code = (
        "import os,sys; from pathlib import Path; import numpy as np;"
        "from retempo.io.frame import make_layer, Frame; from retempo.io.writer import FrameWriter;"
        "l=make_layer(np.zeros((4,4,3),np.float32),'RGB');"
        "FrameWriter(Path(sys.argv[1]), Frame([l],l.window,Path('x')))._temporary; os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.0001.exr")], check=True)
    other = tmp_path / ".a.0002.ffffff.1.tmp.exr"
    other.write_bytes(b"of another host")
    mine = FrameWriter(tmp_path / "a.0003.exr", framed(make_layer(half_values(rng, (4, 4, 3)), "RGB")))
    assert len(list(tmp_path.iterdir())) == 3
    open_target(tmp_path / "a.####.exr")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([other.name, mine._temporary.name])
    mine.abort()


def test_unwritable_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot be made"):
        open_target(tmp_path / "file" / "sub" / "a.####.exr")
    if os.geteuid() == 0:
        pytest.skip("running as root: permissions do not bind, only the file in the way was tested")
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(OutputError, match="not writable"):
        open_target(tmp_path / "locked" / "a.####.exr")


FILL = """
import sys, resource, signal
from pathlib import Path
import numpy as np
from retempo.errors import OutputError
from retempo.io.frame import Frame, make_layer
from retempo.io.target import open_target
if len(sys.argv) > 2:
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
values = np.random.default_rng(0).random((300, 400, 3), dtype=np.float32)
layers = [make_layer(values, "RGB", name=n, formats="float") for n in ("a", "b")]
frame = Frame(layers, layers[0].window, Path("made"))
target = open_target(sys.argv[1], fps=24)
for strips in (False, True):
    try:
        if strips and "mkv" not in sys.argv[1]:
            writer = target.begin(1, frame, {})
            for y in range(0, 300, 50):
                writer.write_rows(y, [l.like(l.pixels[y:y+50], l.ids[y:y+50]) for l in layers])
            writer.commit()
        else:
            for n in range(1, 60 if "mkv" in sys.argv[1] else 2):
                target.write(n, frame, {})
            target.close()
    except OutputError as error:
        print("OutputError", error)
    else:
        print("written without an error")
"""


def check_fill(folder: Path, name: str, *extra: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", FILL, str(folder / name), *extra], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("OutputError") == 2 and "without an error" not in result.stdout, result.stdout
    assert list(folder.iterdir()) == [], "something was left behind"
    return result.stdout


@pytest.mark.parametrize("ext", EXTENSIONS)
def test_file_size_limit(tmp_path: Path, ext: str) -> None:
    if ext == "jpg":
        pytest.skip("a JPEG of this picture stays under the limit; test_disk_full covers it")
    (tmp_path / "o").mkdir()
    check_fill(tmp_path / "o", f"a.####.{ext}", "limited")


@pytest.mark.parametrize("ext", [*EXTENSIONS, "mkv"])
def test_disk_full(tmp_path: Path, ext: str) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=32k", "none", str(folder)], capture_output=True
    )
    if mount.returncode:
        pytest.skip("mounting a small tmpfs is not permitted here; test_file_size_limit stands in")
    try:
        said = check_fill(folder, "a.mkv" if ext == "mkv" else f"a.####.{ext}")
        assert "disk is full" in said
    finally:
        subprocess.run(["umount", str(folder)], check=True)
