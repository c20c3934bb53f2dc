"""Is the street one place by day and by night, and always the same one?"""

from __future__ import annotations

import numpy as np
import pytest

from retempo.errors import UsageError
from retempo.scene.street import CARS, READ_NOISE, StreetScene


@pytest.fixture(scope="module")
def street() -> StreetScene:
    return StreetScene(240, 135)


def test_it_is_the_same_every_time(street: StreetScene) -> None:
    again = StreetScene(240, 135)
    assert np.array_equal(street.day(), again.day())
    assert np.array_equal(street.night(7), again.night(7))
    assert not np.array_equal(street.day(), StreetScene(240, 135, seed=2).day())


def test_painting_a_frame_changes_nothing(street: StreetScene) -> None:
    before = street.reference()
    street.night(3)
    assert np.array_equal(street.reference(), before)


def test_night_without_cars_and_noise_is_the_reference(street: StreetScene) -> None:
    quiet = ~street.action(5)
    assert np.abs(street.night(5, noise=False) - street.reference())[quiet].max() <= 0.02
    assert 0.01 < street.action(5).mean() < 0.1


def test_it_is_high_dynamic_range(street: StreetScene) -> None:
    night, day = street.night(4), street.day()
    assert night.dtype == day.dtype == np.float32
    assert night.max() > 20 and night.min() < 0
    assert day.min() > 0 and 0.9 < day.max() < 1.2
    assert np.median(night) < 0.02 < 0.2 < np.median(day)


def test_noise_is_new_in_every_frame(street: StreetScene) -> None:
    sky = (slice(0, 20), slice(0, 240))
    one, other = (street.night(t)[sky] - street.reference()[sky] for t in (1, 2))
    assert one.std() == pytest.approx(READ_NOISE, rel=0.3)
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.05


def test_cars_drive_and_come_back(street: StreetScene) -> None:
    for car in CARS:
        assert car.column(1) - car.column(0) == pytest.approx(car.speed)
        assert car.column(1200 / abs(car.speed)) == pytest.approx(car.column(0))
    moving = street.action(0) != street.action(6)
    assert moving.any() and not moving[: int(0.7 * 135)].any()


def test_day_and_night_have_the_same_outlines(street: StreetScene) -> None:
    """Where the sky ends by day it ends by night."""
    for column in range(0, 240, 20):
        edge = int(np.argmax(street.sky[:, column] < 0.5))
        assert 10 < edge < 100
        night = street.reference()[:, column].mean(axis=1)
        assert abs(night[edge + 2] - night[edge - 3]) > 1e-4


def test_too_small() -> None:
    with pytest.raises(UsageError, match="15x40"):
        StreetScene(15, 40)
