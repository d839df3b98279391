"""The report of a tuning."""

import re
from dataclasses import replace

from foveal.reporting.tuning import Tried, Tuning, render_tuning

TRIALS = [
    Tried(
        number=number,
        shown={"network": network, "lr": 0.001 * number},
        figure=None if number == 4 else number / 10,
        ended="failed" if number == 4 else "",
        seconds=3.0,
    )
    for number, network in enumerate(("lenet5", "resnet18_d_half", "lenet5", "vgg11"), start=1)
]
TUNING = Tuning(
    title="Tuning on shapes", figure="accuracy", higher_is_better=True, num_validation=9, planned=4, trials=TRIALS
)


def test_the_figure_is_drawn_by_every_setting_and_by_network() -> None:
    page = render_tuning(TUNING)
    for title in ("Accuracy, by trial", "Accuracy, by learning rate", "Accuracy, by network"):
        assert f'aria-label="{title}"' in page
    drawing = page.split('aria-label="Accuracy, by network"')[1].split("</svg>")[0]
    assert re.findall(r'text-anchor="end">([a-z]\w+)<', drawing) == ["accuracy", "lenet5", "resnet18_d_half"]
    heights = {words: float(y) for words, y in re.findall(r"<title>(trial \d).*?cy=\"([\d.]+)\"", drawing)}
    assert heights["trial 1"] == heights["trial 3"] < heights["trial 2"]
    assert "failed" in page


def test_one_network_is_no_setting() -> None:
    alone = replace(TUNING, trials=[each for each in TRIALS if each.shown["network"] == "lenet5"])
    assert "by network" not in render_tuning(alone)
