"""What timecode does frame n carry, at any rate, with or without drop-frame?

SMPTE ST 12-1: drop-frame counting skips the first two (at 60: four) frame numbers of every minute that is
not a multiple of ten, at 30000/1001 and its multiples only. The packed form is the one that OpenEXR and DPX
store (``timeCode``, TV60 packing): BCD digits and flags in one 32-bit word, user bits in a second.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction

from retempo.errors import InputError, UsageError

_TEXT = re.compile(r"^(\d{1,2}):(\d{2}):(\d{2})([:;.,])(\d{2,3})$")
_DROP_BIT, _COLOR_BIT, _FIELD_BIT = 1 << 6, 1 << 7, 1 << 15
MAX_PACKED_RATE = 60
"""Above this nominal rate the packed form has no room for the frame number."""


def nominal(fps: Fraction) -> int:
    """Return the frames counted per timecode second: 24 for 24000/1001, 30 for 30000/1001."""
    if fps <= 0:
        raise UsageError(f"a frame rate must be above zero, got {fps}")
    return max(1, round(fps))


def allows_drop(fps: Fraction) -> bool:
    """Tell whether drop-frame counting is defined at this rate (29.97, 59.94, 119.88)."""
    return fps.denominator == 1001 and nominal(fps) % 30 == 0


@dataclass(frozen=True)
class Timecode:
    """Hours, minutes, seconds and frames of a day; immutable.

    Attributes:
        hours, minutes, seconds, frames: the digits as displayed.
        drop: counted in drop-frame.
        user: the 32 user bits, carried along.
    """

    hours: int
    minutes: int
    seconds: int
    frames: int
    drop: bool = False
    user: int = 0

    def __str__(self) -> str:
        mark = ";" if self.drop else ":"
        return f"{self.hours:02d}:{self.minutes:02d}:{self.seconds:02d}{mark}{self.frames:02d}"

    @classmethod
    def parse(cls, text: str) -> Timecode:
        """Read ``HH:MM:SS:FF``; ``;`` (or ``.``, ``,``) before the frames means drop-frame.

        Raises:
            InputError: not a timecode.
        """
        match = _TEXT.match(text.strip())
        if not match:
            raise InputError(
                f"'{text}' is no timecode", "write it as HH:MM:SS:FF, or HH:MM:SS;FF for drop-frame"
            )
        code = cls(int(match[1]), int(match[2]), int(match[3]), int(match[5]), match[4] != ":")
        if code.minutes > 59 or code.seconds > 59 or code.hours > 23:
            raise InputError(f"'{text}' is no timecode: hours end at 23, minutes and seconds at 59")
        return code

    @classmethod
    def from_count(cls, count: int, fps: Fraction, drop: bool = False, user: int = 0) -> Timecode:
        """Return the timecode of the ``count``-th frame of the day (modulo 24 hours)."""
        rate = nominal(fps)
        if drop and not allows_drop(fps):
            raise UsageError(
                f"drop-frame timecode does not exist at {fps} fps", "use 30000/1001 or 60000/1001"
            )
        if drop:
            skip = rate // 15
            per_minute, per_ten = rate * 60 - skip, rate * 600 - skip * 9
            tens, rest = divmod(count % (per_ten * 144), per_ten)
            count = tens * rate * 600 + rest
            if rest >= rate * 60:
                count += skip * (1 + (rest - rate * 60) // per_minute)
        count %= rate * 86400
        seconds, frames = divmod(count, rate)
        return cls(seconds // 3600, seconds // 60 % 60, seconds % 60, frames, drop, user)

    def count(self, fps: Fraction) -> int:
        """Return how many frames after midnight this timecode is."""
        rate = nominal(fps)
        minutes = self.hours * 60 + self.minutes
        total = (minutes * 60 + self.seconds) * rate + self.frames
        return total - (rate // 15) * (minutes - minutes // 10) if self.drop else total

    def rescaled(self, old: Fraction, new: Fraction) -> Timecode:
        """Return the same moment of the same labelled second, its frames counted at ``new`` in place of ``old``.

        12 of 24 becomes 15 of 30. Hours, minutes and seconds are labels and stay, at 24000/1001 as at 24; so they do
        where drop-frame ends because the new rate has none.
        """
        frames = min(self.frames * nominal(new) // nominal(old), nominal(new) - 1)
        return replace(self, frames=frames, drop=self.drop and allows_drop(new))

    def packed(self, fps: Fraction) -> tuple[int, int]:
        """Return the two 32-bit words that EXR and DPX store.

        Above 30 fps (up to 60) two frames share a number and the field flag tells them apart, as ST 12-1 has
        it.

        Raises:
            UsageError: a rate above 60, whose frame numbers do not fit.
        """
        if nominal(fps) > MAX_PACKED_RATE:
            raise UsageError(f"timecode at {fps} fps does not fit the packed form", "omit it above 60 fps")
        frames, field = divmod(self.frames, 2) if nominal(fps) > 30 else (self.frames, 0)
        word = _bcd(frames) | _bcd(self.seconds) << 8 | _bcd(self.minutes) << 16 | _bcd(self.hours) << 24
        word |= (_DROP_BIT if self.drop else 0) | (_FIELD_BIT if field else 0)
        return word, self.user

    @classmethod
    def unpack(cls, word: int, user: int = 0, fps: Fraction | None = None) -> Timecode:
        """Read the packed words; ``fps`` above 30 makes the field flag count."""
        word &= 0xFFFFFFFF
        frames = _digits(word & 0x3F)
        if fps is not None and nominal(fps) > 30:
            frames = 2 * frames + bool(word & _FIELD_BIT)
        return cls(
            _digits(word >> 24 & 0x3F), _digits(word >> 16 & 0x7F), _digits(word >> 8 & 0x7F), frames,
            bool(word & _DROP_BIT), user & 0xFFFFFFFF,
        )  # fmt: skip


def timecode_at(base: Timecode | str, offset: int, fps: Fraction) -> Timecode:
    """Return the timecode ``offset`` frames (may be negative) after ``base``; wraps at midnight.

    A drop-frame base at a rate that has no drop-frame goes on as non-drop. Where ``base`` was counted at another rate,
    ``Timecode.rescaled`` comes first.
    """
    start = Timecode.parse(base) if isinstance(base, str) else base
    drop = start.drop and allows_drop(fps)
    plain = Timecode(
        start.hours, start.minutes, start.seconds, min(start.frames, nominal(fps) - 1), drop, start.user
    )
    return Timecode.from_count(plain.count(fps) + offset, fps, drop, start.user)


def _bcd(number: int) -> int:
    return number // 10 << 4 | number % 10


def _digits(bcd: int) -> int:
    return (bcd >> 4) * 10 + (bcd & 15)
