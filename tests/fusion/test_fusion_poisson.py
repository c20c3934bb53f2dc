"""Is the picture that is solved the least-squares one, to the last digits, and the same by every way there is?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from retempo.fusion.gradients import divergence, gradient, magnitude
from retempo.fusion.poisson import laplacian_eigenvalues, solve, solve_tensor, transform, transform_back

SIZES = st.tuples(st.integers(1, 23), st.integers(1, 23), st.integers(1, 3))


def field(shape: tuple[int, ...], seed: int) -> NDArray[np.float64]:
    """Normal noise."""
    return np.random.default_rng(seed).standard_normal(shape)


def test_gradient_and_divergence_by_hand() -> None:
    picture = np.array([[[1.0], [4.0]], [[3.0], [9.0]]])
    dx, dy = gradient(picture)
    assert dx[..., 0].tolist() == [[3, 0], [6, 0]]
    assert dy[..., 0].tolist() == [[2, 5], [0, 0]]
    assert divergence(dx, dy)[..., 0].tolist() == [[5, 2], [4, -11]]
    assert magnitude(dx, dy)[0].tolist() == [13**0.5, 5]


@settings(max_examples=60, deadline=None)
@given(SIZES, st.integers(0, 1 << 30))
def test_divergence_is_minus_the_adjoint(shape: tuple[int, int, int], seed: int) -> None:
    u, vx, vy = (field(shape, seed + k) for k in range(3))
    dx, dy = gradient(u)
    assert np.sum(dx * vx) + np.sum(dy * vy) == pytest.approx(-np.sum(u * divergence(vx, vy)), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(SIZES, st.integers(0, 1 << 30))
def test_normal_equations(shape: tuple[int, int, int], seed: int) -> None:
    """Of a field that is no picture's gradient, too."""
    wanted = divergence(field(shape, seed), field(shape, seed + 1))
    made = solve(wanted.copy())
    assert np.abs(divergence(*gradient(made)) - wanted).max() < 1e-10
    assert np.abs(made.mean(axis=(0, 1))).max() < 1e-10


@settings(max_examples=40, deadline=None)
@given(SIZES, st.integers(0, 1 << 30), st.floats(1e-4, 10))
def test_screened_normal_equations(shape: tuple[int, int, int], seed: int, screen: float) -> None:
    wanted, target = divergence(field(shape, seed), field(shape, seed + 1)), field(shape, seed + 2)
    made = solve(wanted.copy(), screen=screen, target=target)
    assert np.abs(divergence(*gradient(made)) - wanted - screen * (made - target)).max() < 1e-10


def test_a_large_picture_comes_back_from_its_gradients() -> None:
    picture = field((241, 317, 2), 3)
    made = solve(divergence(*gradient(picture)))
    assert np.abs(made - (picture - picture.mean(axis=(0, 1)))).max() < 1e-11


def test_single_precision() -> None:
    picture = np.random.default_rng(4).random((270, 480, 3)).astype(np.float32)
    made = solve(divergence(*gradient(picture)))
    assert made.dtype == np.float32
    assert np.abs(made - (picture - picture.mean(axis=(0, 1)))).max() < 2e-5


def test_eigenvalues_are_those_of_the_laplacian() -> None:
    """The slow way: the Laplacian as a matrix."""
    height, width = 4, 5
    columns = []
    for one in np.eye(height * width):
        columns.append(divergence(*gradient(one.reshape(height, width, 1))).ravel())
    known = np.sort(np.linalg.eigvalsh(np.array(columns)))
    values = laplacian_eigenvalues(height, width).copy()
    values[0, 0] = 0
    assert np.allclose(np.sort(values.ravel()), known, atol=1e-12)


def test_threads_do_not_matter() -> None:
    wanted = field((61, 47, 3), 5)
    assert np.array_equal(solve(wanted.copy(), threads=1), solve(wanted.copy(), threads=2))


@pytest.mark.parametrize("screen", [0.0, 0.02])
@pytest.mark.parametrize("shape", [(33, 48, 3), (1, 7, 1), (16, 1, 2)])
def test_torch_gives_the_same(shape: tuple[int, int, int], screen: float) -> None:
    torch = pytest.importorskip("torch")
    wanted, target = divergence(field(shape, 6), field(shape, 7)), field(shape, 8)
    there = solve_tensor(torch.from_numpy(wanted.copy()), screen=screen, target=torch.from_numpy(target))
    assert np.abs(there.numpy() - solve(wanted, screen=screen, target=target)).max() < 1e-10


@pytest.mark.gpu
def test_a_gpu_gives_the_same() -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA GPU answers")
    wanted = divergence(field((270, 480, 3), 6), field((270, 480, 3), 7))
    there = solve_tensor(torch.from_numpy(wanted.copy()).cuda())
    assert there.is_cuda
    assert np.abs(there.cpu().numpy() - solve(wanted)).max() < 1e-9


def test_transform_is_the_dct() -> None:
    torch = pytest.importorskip("torch")
    from scipy import fft

    values = field((2, 9, 14), 9)
    waves = transform(torch.from_numpy(values))
    assert np.allclose(waves.numpy(), fft.dctn(values, type=2, axes=(1, 2)) / 4, atol=1e-12)
    assert np.allclose(transform_back(waves).numpy(), values, atol=1e-12)
