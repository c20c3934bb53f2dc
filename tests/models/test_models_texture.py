"""Does the texture-consistency loss find what a slow search finds, and does it let textures move freely?"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from retempo.errors import InputError
from retempo.models.texture import find_texture, texture_consistency


def make_pictures(seed: int, height: int = 9, width: int = 11) -> tuple[Any, Any, Any]:
    generator = torch.Generator().manual_seed(seed)
    made, earlier, later = (torch.rand(2, 3, height, width, generator=generator) for _ in range(3))
    return made, earlier, later


def describe_slowly(picture: Any, y: int, x: int, patch: int) -> list[float]:
    """Soft differences of the neighbours' greys, of one pixel of [3, H, W]."""
    grey = 255 * picture.mean(0)
    height, width = grey.shape
    values = []
    for dy in range(-(patch // 2), patch // 2 + 1):
        for dx in range(-(patch // 2), patch // 2 + 1):
            near = grey[min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1)]
            d = (near - grey[y, x]).item()
            values.append(d / (0.81 + d * d) ** 0.5)
    return values


def find_slowly(made: Any, frames: tuple[Any, Any], patch: int, radius: int) -> Any:
    """The argmin over both frames and the window, one pixel at a time, of [3, H, W]."""
    height, width = made.shape[1:]
    result = torch.empty_like(made)
    for y in range(height):
        for x in range(width):
            wanted = describe_slowly(made, y, x, patch)
            best = float("inf")
            for frame in frames:
                for v in range(max(0, y - radius), min(height, y + radius + 1)):
                    for u in range(max(0, x - radius), min(width, x + radius + 1)):
                        found = describe_slowly(frame, v, u, patch)
                        distance = sum((a - b) ** 2 for a, b in zip(wanted, found, strict=True))
                        if distance < best - 1e-9:
                            best, result[:, y, x] = distance, frame[:, v, u]
    return result


@pytest.mark.parametrize(("patch", "radius"), [(3, 1), (5, 2)])
def test_it_finds_what_a_slow_search_finds(patch: int, radius: int) -> None:
    made, earlier, later = make_pictures(1, 5, 6)
    found = find_texture(made, earlier, later, patch=patch, radius=radius)
    for index in range(2):
        slow = find_slowly(made[index], (earlier[index], later[index]), patch, radius)
        assert torch.equal(found[index], slow)
    loss = texture_consistency(made, earlier, later, patch=patch, radius=radius)
    assert loss.item() == pytest.approx((made - found).abs().mean().item())


def test_texture_that_moved_within_the_window_costs_nothing() -> None:
    _, earlier, later = make_pictures(2, 16, 20)
    moved = later.roll((2, -3), dims=(2, 3))
    inner = (slice(None), slice(None), slice(5, -5), slice(5, -5))
    assert torch.equal(find_texture(moved, earlier, later)[inner], moved[inner])
    farther = later.roll(4, dims=3)
    assert not torch.equal(find_texture(farther, earlier, later)[inner], farther[inner])


def test_either_frame_may_lend_a_pixel() -> None:
    _, earlier, later = make_pictures(3, 8, 8)
    mixed = torch.cat([earlier[..., :4], later[..., 4:]], dim=3)
    found = find_texture(mixed, earlier, later, radius=0)
    assert torch.equal(found[..., :3], earlier[..., :3]) and torch.equal(found[..., 5:], later[..., 5:])


def test_gradients_reach_the_made_picture_alone() -> None:
    made, earlier, later = (one.requires_grad_() for one in make_pictures(4))
    texture_consistency(made, earlier, later).backward()
    assert earlier.grad is None and later.grad is None
    target = find_texture(made, earlier, later)
    assert torch.allclose(made.grad, (made - target).detach().sign() / made.numel())


def test_what_does_not_fit_is_refused() -> None:
    made, earlier, later = make_pictures(5)
    with pytest.raises(InputError, match="one shape"):
        texture_consistency(made[..., 1:], earlier, later)
    with pytest.raises(InputError, match="odd patch"):
        find_texture(made, earlier, later, patch=4)
