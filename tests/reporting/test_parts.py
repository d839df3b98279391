"""What the page calculates: numbers as words, ticks, thinning, shades, escaping."""

import math

import numpy as np
import pytest

from foveal.reporting.chart import Frame, log_ticks, thinned, ticks
from foveal.reporting.confusion import shades
from foveal.reporting.curves import history
from foveal.reporting.markup import Html, tag
from foveal.reporting.settings import flat
from foveal.reporting.words import count, decimal, duration, interval, large, setting, things


def test_text_is_escaped_and_markup_is_not() -> None:
    inner = tag("b", None, "a < b & c")
    assert tag("p", {"title": '"<'}, inner, "<i>") == ('<p title="&quot;&lt;"><b>a &lt; b &amp; c</b>&lt;i&gt;</p>')
    assert isinstance(inner, Html)
    assert tag("br") == "<br/>"


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.9421, "0.942"), (1, "1.000"), (0.0001, "< 0.001"), (0.0, "0.000"), (None, "–"), (math.nan, "–")],
)
def test_decimal(value: float | None, words: str) -> None:
    assert decimal(value) == words
    assert decimal({"value": value, "low": None, "high": None}) == words


def test_interval_needs_both_ends() -> None:
    assert interval({"value": 0.5, "low": 0.25, "high": 0.75}) == "0.250–0.750"
    assert interval({"value": 0.5, "low": None, "high": 0.75}) == ""
    assert interval(0.5) == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.84, "0.8 s"),
        (9.97, "10 s"),
        (59.7, "1 min 0 s"),
        (192, "3 min 12 s"),
        (7500, "2 h 5 min"),
        (None, "–"),
    ],
)
def test_duration(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [(950, "950"), (9_999, "9,999"), (61_706, "61.7 k"), (11_187_798, "11.2 M"), (1_820_000_000, "1.82 G")],
)
def test_large(number: int, words: str) -> None:
    assert large(number) == words


def test_small_words() -> None:
    assert [things(1, "image"), things(1200, "image"), things(2, "class", "classes")] == [
        "1 image",
        "1,200 images",
        "2 classes",
    ]
    assert [setting(each) for each in (None, True, 5e-4, (0.9, 1.1), "sgd", [])] == [
        "–",
        "yes",
        "0.0005",
        "0.9, 1.1",
        "sgd",
        "",
    ]
    assert count(12345) == "12,345"


@pytest.mark.parametrize("high", [0.003, 0.7, 1.0, 2.6, 12, 95, 1234, 5e6])
def test_ticks_are_few_round_and_inside(high: float) -> None:
    found = ticks(0, high)
    assert 3 <= len(found) <= 8
    assert found[0] == 0
    assert found[-1] <= high * (1 + 1e-6)
    steps = np.diff(found)
    assert np.allclose(steps, steps[0])


def test_whole_ticks_are_integers() -> None:
    assert ticks(0, 2, whole=True) == [0, 1, 2]


def test_thinned_keeps_the_course_and_the_mean() -> None:
    points = [(float(x), float(x % 2)) for x in range(10_000)]
    few = thinned(points, most=100)
    assert len(few) == 100
    assert few == sorted(few)
    assert np.mean([y for _, y in few]) == pytest.approx(0.5)
    assert thinned(points[:100], most=100) == points[:100]


def test_a_frame_holds_outliers_at_its_edge() -> None:
    frame = Frame(x=(0, 1), y=(0, 2))
    assert frame.across(0) == frame.left
    assert frame.across(5) == frame.width - frame.right
    assert frame.down(99) == frame.top
    assert frame.down(0) == frame.height - frame.bottom


def test_a_logarithmic_frame_spreads_powers_of_ten_evenly() -> None:
    frame = Frame(x=(0, 1), y=(0.1, 1000), log_y=True)
    places = [frame.down(value) for value in log_ticks(*frame.y)]
    assert len(places) == 5
    assert np.allclose(np.diff(places), (places[-1] - places[0]) / 4)
    assert frame.down(0) == frame.height - frame.bottom


def test_shades_are_roots_of_row_shares() -> None:
    found = shades(np.array([[16, 9, 0], [0, 0, 0], [10_000, 1, 0]]))
    assert found[0] == pytest.approx([np.sqrt(16 / 25), np.sqrt(9 / 25), 0])
    assert found[1].tolist() == [0, 0, 0]
    assert found[2, 1] == 0.1


def test_the_saved_epoch_is_the_last_best_one() -> None:
    epochs = [
        {"event": "epoch", "step": 10 * epoch, "epoch": epoch, "kept": epoch in (1, 2), "val": {}}
        for epoch in (1, 2, 3)
    ]
    run = history([{"event": "plan", "step": 0, "steps_per_epoch": 10, "total_steps": 30}, *epochs])
    assert run.saved is not None
    assert (run.saved["epoch"], run.x(run.saved), run.total, run.x_title) == (2, 2.0, 3.0, "epoch")


def test_nested_settings_get_dotted_names() -> None:
    assert flat({"lr": 1, "augment": {"hflip": 0.5, "deep": {"a": None}}, "empty": {}}) == {
        "lr": 1,
        "augment.hflip": 0.5,
        "augment.deep.a": None,
        "empty": {},
    }
