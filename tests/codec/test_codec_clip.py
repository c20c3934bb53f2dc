"""Does a clip that was encoded decode to the encoder's own pictures, in any process, on any number of threads?"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("constriction")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from retempo.codec.clip import decode_clip, encode_clip, mean_psnr  # noqa: E402
from retempo.codec.container import (  # noqa: E402
    MADE,
    MENDED,
    Header,
    Packet,
    read_container,
    write_container,
)
from retempo.codec.frames import compress, decompress, psnr  # noqa: E402
from retempo.codec.weights import Codec, ready, save_codec  # noqa: E402
from retempo.errors import InputError, UsageError  # noqa: E402
from retempo.flow.dis import DisFlow  # noqa: E402
from small_codec import network, paint  # noqa: E402


class Raw:
    """Keys as they are."""

    def encode(self, codes: np.ndarray) -> bytes:
        return zlib.compress(codes.tobytes())

    def decode(self, data: bytes, name: str) -> np.ndarray:
        return np.frombuffer(zlib.decompress(data), np.uint8).reshape(50, 77, 3)


def header(frames: Sequence[np.ndarray], codecs: Sequence[Codec], gop: int = 4) -> Header:
    height, width = frames[0].shape[:2]
    digests = tuple(one.digest for one in codecs)
    return Header(
        width, height, len(frames), 1, "24", gop, codecs[0].config.references, "png", 100, digests, "0"
    )


CONFIGS = [
    {}, {"prior": "hyperprior"}, {"residual": True}, {"prior": "hyperprior", "residual": True},
    {"references": 3}, {"kind": "sequential"},
]  # fmt: skip


@pytest.mark.parametrize("config", CONFIGS)
def test_encode_bytes_decode_is_exact(frames: Sequence[np.ndarray], config: dict[str, object]) -> None:
    """77 x 50 pixels fit no block; two networks to choose from."""
    codecs = [ready(network(seed, **config), 10.0**-seed) for seed in (1, 2)]
    about = header(frames, codecs)
    made = list(encode_clip(about, frames.__getitem__, codecs, DisFlow(), Raw(), 99.0))
    data = write_container(about, [packet for packet, _ in made])
    found, packets = read_container(data, "x.rtc")
    decoded = list(decode_clip(found, packets, codecs, Raw(), "x.rtc"))
    assert [one.frame for one in decoded] == list(range(len(frames)))
    assert all(one.exact for one in decoded)
    reports = {report.frame: report for _, report in made}
    for one in decoded:
        assert psnr(frames[one.frame], one.codes) == pytest.approx(reports[one.frame].psnr)
    assert len({zlib.crc32(one.codes.tobytes()) for one in decoded}) == len(frames)


def test_a_residual_travels_where_it_is_worth_it(frames: Sequence[np.ndarray]) -> None:
    net = network(3, residual=True)
    references, motion = [frames[0], frames[2]], [np.zeros((50, 77, 2), np.float32)] * 2
    kinds = {}
    for weight in (1e-9, 1e3):
        codec = ready(net, weight)
        found = compress(codec, frames[1], references, motion, [1, 1])
        kinds[weight] = found.kind
        again = decompress(codec, found.kind, found.data, references, [1, 1])
        assert np.array_equal(again, found.codes)
    assert kinds[1e-9] == MADE  # bits are all that counts
    plain = compress(ready(network(3), 1.0), frames[1], references, motion, [1, 1])
    assert plain.kind == MADE
    assert kinds[1e3] in (MADE, MENDED)


def test_a_mended_frame_is_exact(frames: Sequence[np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    import retempo.codec.frames as module

    codec = ready(network(3, residual=True, prior="hyperprior"), 1.0)
    monkeypatch.setattr(module, "_cost", lambda found, target, weight: -found.kind)  # always the residual
    motion = [np.zeros((50, 77, 2), np.float32)] * 2
    found = compress(codec, frames[1], [frames[0], frames[2]], motion, [1, 1])
    assert found.kind == MENDED
    assert np.array_equal(decompress(codec, MENDED, found.data, [frames[0], frames[2]], [1, 1]), found.codes)
    with pytest.raises(InputError, match="do not fit"):
        decompress(codec, MENDED, b"\xff\xff\xff\xff1234", [frames[0], frames[2]], [1, 1])


def test_the_fewest_bytes_that_are_good_enough(frames: Sequence[np.ndarray]) -> None:
    codecs = [ready(network(seed), 0.01) for seed in (1, 2, 3)]
    references, motion = [frames[0], frames[2]], [np.zeros((50, 77, 2), np.float32)] * 2
    tried = [compress(one, frames[1], references, motion, [1, 1]) for one in codecs]

    class Still:
        name = "still"

        def estimate(self, one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return motion[0], motion[0]

    clip = frames[:3]
    about = header(clip, codecs, gop=2)
    for wanted in (0.0, sorted(one.psnr for one in tried)[1], 99.0):
        made = list(encode_clip(about, clip.__getitem__, codecs, Still(), Raw(), wanted))
        report = made[2][1]
        enough = [one for one in tried if one.psnr >= wanted]
        best = min(enough, key=lambda one: len(one.data)) if enough else max(tried, key=lambda one: one.psnr)
        assert (report.bytes, report.psnr) == (len(best.data), best.psnr)


PROGRAM = """
import sys, zlib, torch
from pathlib import Path
torch.set_num_threads(int(sys.argv[3]))
sys.path.insert(0, sys.argv[4])
import cv2; cv2.setNumThreads(int(sys.argv[3]))
from small_codec import paint
from test_codec_clip import Raw, header
from retempo.codec.clip import decode_clip, encode_clip
from retempo.codec.container import read_container, write_container
from retempo.codec.weights import load_codec
from retempo.flow.dis import DisFlow
codecs, path = [load_codec(Path(sys.argv[1]))], Path(sys.argv[2])
frames = paint(6)
if not path.exists():
    about = header(frames, codecs)
    made = encode_clip(about, frames.__getitem__, codecs, DisFlow(), Raw(), 99.0)
    path.write_bytes(write_container(about, [packet for packet, _ in made]))
about, packets = read_container(path.read_bytes(), "x")
decoded = list(decode_clip(about, packets, codecs, Raw(), "x"))
assert all(one.exact for one in decoded)
print(zlib.crc32(path.read_bytes()), zlib.crc32(b"".join(one.codes.tobytes() for one in decoded)))
"""


def test_other_processes_and_threads_decode_the_same_bits(tmp_path: Path) -> None:
    """Encoded on one thread, decoded in processes of their own on 1, 2 and 3; encoded again on 2: the same file."""
    net = network(4, prior="hyperprior", width=24, latent=16)
    weights, file = tmp_path / "w.safetensors", tmp_path / "clip.rtc"
    save_codec(net, weights, {"lambda": "0.01"})
    here = Path(__file__).resolve().parent
    said = []
    for threads, path in ((1, file), (2, file), (3, file), (2, tmp_path / "again.rtc")):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(here)])}
        environment.pop("OMP_NUM_THREADS", None)
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(weights), str(path), str(threads), str(here.parent)],
            capture_output=True, text=True, check=False, env=environment,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    assert len(set(said)) == 1


def test_a_decoder_says_where_it_is_not_exact(frames: Sequence[np.ndarray]) -> None:
    codecs = [ready(network(1), 0.1)]
    clip = frames[:3]
    about = header(clip, codecs, gop=2)
    packets = [packet for packet, _ in encode_clip(about, clip.__getitem__, codecs, DisFlow(), Raw())]
    packets[2] = Packet(1, MADE, 0, packets[2].data, packets[2].picture ^ 1)
    assert [one.exact for one in decode_clip(about, packets, codecs, Raw(), "x")] == [True, False, True]


def test_what_cannot_be_encoded_or_decoded(frames: Sequence[np.ndarray]) -> None:
    codecs = [ready(network(1), 0.1)]
    about = header(frames[:3], codecs, gop=2)
    with pytest.raises(UsageError, match="need a network"):
        list(encode_clip(about, frames.__getitem__, [], DisFlow(), Raw()))
    with pytest.raises(UsageError, match="another number of references"):
        list(encode_clip(about, frames.__getitem__, [ready(network(1, references=3), 1.0)], DisFlow(), Raw()))
    packets = [packet for packet, _ in encode_clip(about, frames.__getitem__, codecs, DisFlow(), Raw())]
    packets[2] = Packet(1, MADE, 0, b"123", 0)
    with pytest.raises(InputError, match=r"clip\.rtc: frame 1: .*whole words"):
        list(decode_clip(about, packets, codecs, Raw(), "clip.rtc"))
    packets[2] = Packet(1, MENDED, 0, b"1234", 0)
    with pytest.raises(InputError, match=r"clip\.rtc: frame 1: .*residual"):
        list(decode_clip(about, packets, codecs, Raw(), "clip.rtc"))


@settings(deadline=None, max_examples=60)
@given(
    st.binary(max_size=200), st.sampled_from([MADE, MENDED]), st.sampled_from(["factorised", "hyperprior"])
)
def test_hostile_latents_are_refused_or_are_some_picture(data: bytes, kind: int, prior: str) -> None:
    """Their checksums may be right: whoever wrote the file made those, too."""
    references = paint(2)
    try:
        codes = decompress(HOSTILE[prior], kind, data, references, [1, 1])
    except InputError:
        return
    assert codes.shape == references[0].shape


HOSTILE = {one: ready(network(3, residual=True, prior=one), 1.0) for one in ("factorised", "hyperprior")}


def test_a_mean_is_of_squared_errors(frames: Sequence[np.ndarray]) -> None:
    codecs = [ready(network(1), 0.1)]
    about = header(frames[:3], codecs, gop=2)
    reports = [report for _, report in encode_clip(about, frames.__getitem__, codecs, DisFlow(), Raw())]
    assert math.isinf(mean_psnr(reports[:2]))
    assert mean_psnr(reports) == pytest.approx(reports[2].psnr + 10 * math.log10(3))
