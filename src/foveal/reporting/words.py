"""Numbers as people read them. None, NaN and infinity are a dash: nothing was measured."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

NOTHING = "–"


def number_of(value: Any) -> float | None:
    """The finite number in a value, in a record {"value": …} or in neither (None)."""
    if isinstance(value, Mapping):
        value = value.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def interval_of(record: Any) -> tuple[float, float] | None:
    """(low, high) of a record {"value", "low", "high"}, where both were measured."""
    if not isinstance(record, Mapping):
        return None
    low, high = number_of(record.get("low")), number_of(record.get("high"))
    return None if low is None or high is None else (low, high)


def decimal(value: Any) -> str:
    """Three decimals, so that columns align: 0.942."""
    number = number_of(value)
    if number is None:
        return NOTHING
    return "< 0.001" if 0 < number < 0.0005 else f"{number:,.3f}"


def interval(record: Any) -> str:
    """0.926–0.955, or nothing where there is no interval."""
    ends = interval_of(record)
    return "" if ends is None else f"{ends[0]:,.3f}–{ends[1]:,.3f}"


def measure(value: Any) -> str:
    """Four figures of a number in any unit: 0.01234, 12.34, 12,345."""
    number = number_of(value)
    if number is None:
        return NOTHING
    return f"{number:,.0f}" if 1000 <= abs(number) < 1e9 else f"{number:.4g}"


def measure_interval(record: Any) -> str:
    """12.1–12.9, or nothing where there is no interval."""
    ends = interval_of(record)
    return "" if ends is None else f"{measure(ends[0])}–{measure(ends[1])}"


def count(value: Any) -> str:
    """Whole, with thousands apart: 12,345."""
    number = number_of(value)
    return NOTHING if number is None else f"{number:,.0f}"


def large(value: Any) -> str:
    """Three figures and a unit: 11.2 M."""
    number = number_of(value)
    if number is None:
        return NOTHING
    for size, unit in ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e4, " k")):
        if number >= size:
            scaled = number / (1e3 if size == 1e4 else size)
            return (f"{scaled:.3g}" if scaled < 100 else f"{scaled:.0f}") + unit
    return f"{number:,.0f}"


def duration(value: Any) -> str:
    """Seconds as 0.8 s, 42 s, 3 min 12 s or 2 h 5 min."""
    seconds = number_of(value)
    if seconds is None:
        return NOTHING
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def things(number: int, one: str, many: str | None = None) -> str:
    """1 image, 12 images."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def shares(of_classes: Sequence[float], names: Sequence[str]) -> str:
    """The classes that have a share, with it where it is less than the whole: cat 0.70, dog 0.30."""
    named = [(name, share) for name, share in zip(names, of_classes, strict=True) if share]
    return ", ".join(name if share == 1 else f"{name} {share:.2f}" for name, share in named)


def setting(value: Any) -> str:
    """A setting's value: yes and no for booleans, pairs as a – b, short numbers."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(setting(item) for item in value)
    return str(value)
