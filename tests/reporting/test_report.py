"""The page as a reader and a browser get it: whole, self-contained, escaped, bounded, the same every time."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from foveal.events import CheckpointSaved, EpochDone, Event, Finished, Planned, StepDone, Stopped
from foveal.metrics.classification import classification_metrics
from foveal.reporting.pictures import Shown
from foveal.reporting.report import Report, render
from foveal.reporting.tasks.classify import Gallery

VOID = {"br", "col", "img", "link", "meta", "circle", "line", "path", "polyline", "rect"}
SPREAD = (0.31, 0.42, 0.53, 0.64, 0.75)
"""Five figures that can't be taken for one another."""
HOSTILE = "</td><script>alert('1')</script>\"' onload=x & <img src=http://evil.example/x>"


class Page(HTMLParser):
    """Checks while parsing that every element is closed in order; keeps what the tests ask for."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words += data

    @property
    def ids(self) -> list[str]:
        return [attributes["id"] or "" for _, attributes in self.tags if "id" in attributes]

    def count(self, tag: str, kind: str = "") -> int:
        return sum(
            name == tag and kind in [*(attributes.get("class") or "").split(), ""] for name, attributes in self.tags
        )


def evaluation(classes: Sequence[str], *, per_class: int = 20, right: float = 0.8, seed: int = 0) -> dict[str, Any]:
    """What a real measurement of made-up predictions gives."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(classes)), per_class)
    logits = rng.normal(size=(len(labels), len(classes)))
    logits[np.arange(len(labels)), labels] += np.where(rng.random(len(labels)) < right, 9.0, 0.0)
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = classification_metrics(probs, labels, classes=classes, resamples=20).to_json()
    return {
        "task": "classify",
        "n": found["num_items"],
        "split": "test",
        "classes": list(classes),
        "metrics": found["overall"],
        "per_class": found["per_class"],
        "confusion": found["confusion"],
        "calibration": found["calibration"],
    }


def happened(*, epochs: int = 3, steps: int = 20, val: bool = True, end: bool = True) -> list[dict[str, Any]]:
    """The records of a run of `steps` steps an epoch."""
    return [event.to_json() for event in _events(epochs, steps, val, end)]


def _events(epochs: int, steps: int, val: bool, end: bool) -> Iterator[Event]:
    yield Planned(step=0, total_steps=epochs * steps, steps_per_epoch=steps, reason="at the start")
    for step in range(1, epochs * steps + 1):
        epoch = (step - 1) // steps + 1
        loss = 2 / step**0.3
        yield StepDone(
            step=step,
            epoch=epoch,
            loss=loss,
            figures={"accuracy": 1 - loss / 3},
            lr=0.1,
            images_per_second=100.0,
            seconds=0.1 * step,
            size=16 if step < epochs * steps / 2 else 32,
        )
        if step % steps == 0:
            figures = {"accuracy": 1 - loss / 3, "log_loss": loss}
            yield EpochDone(
                step=step,
                epoch=epoch,
                train={"loss": loss, **figures},
                val=figures if val else {},
                lr=0.1,
                images_per_second=100.0,
                seconds=0.1 * step,
                kept=epoch < 3,
            )
            yield CheckpointSaved(step=step, epoch=epoch)
    if end:
        yield Finished(step=epochs * steps, seconds=12.3, images_per_second=100.0, chosen="epoch 2")
    else:
        yield Stopped(step=epochs * steps, reason="no better held-out figure for 5 epochs")


def shown(truth: str, label: str, *, shape: tuple[int, int, int] = (300, 200, 3), seed: int = 0) -> Shown:
    image = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    return Shown(image=image, path=f"test/{truth}/{seed}.jpg", ground_truth=truth, label=label, score=0.9)


def report(classes: Sequence[str] = ("ant", "bee", "cat"), **changes: Any) -> Report:
    """A whole report on photographs; `changes` replace its fields."""
    base = Report(
        title="resnet18 on insects",
        warnings=["2 test images also stand in training"],
        events=happened(),
        evaluation=evaluation(classes),
        data={
            "name": "insects",
            "format": "folders",
            "counts": {"train": dict.fromkeys(classes, 40), "test": dict.fromkeys(classes, 20)},
            "ignored": ["README.txt"],
            "skipped": [{"path": "train/ant/7.jpg", "reason": "truncated"}],
            "size_hw": (72, 96),
            "channels": 3,
            "store": "decoded once, in memory",
            "split_note": "The test split is the data's own.",
        },
        network={
            "name": "resnet18",
            "title": "Deep Residual Learning for Image Recognition",
            "paper": "He et al. 2015",
            "parameters": 11_187_798,
            "multiply_adds": 595_000_000,
            "chosen": "the moving average after epoch 2",
        },
        config={
            "model": "resnet18",
            "lr": 0.05,
            "time": None,
            "augment": {"hflip": 0.5, "mixup": 0.0, "crop_area": [1.0, 1.0]},
        },
        reasons={"lr": "the one-cycle peak", "augment": "photographs"},
        machine={"processor": "A processor", "cores": 8, "gpu": None, "torch": "2.10.0"},
        times={"reading": 0.1, "training": 61.0, "total": 75.0},
        gallery=Gallery(
            mistakes=[shown(classes[0], classes[1], seed=seed) for seed in range(4)],
            unsure=[shown(classes[0], classes[0], seed=seed) for seed in range(3)],
        ),
        augmented=[shown("", "", shape=(32, 32, 3)).image] * 8,
        filters=np.random.default_rng(0).normal(size=(8, 3, 5, 5)),
    )
    return replace(base, **changes)


SECTIONS = [
    "headline",
    "curves",
    "confusion",
    "classes",
    "calibration",
    "mistakes",
    "unsure",
    "filters",
    "augmented",
    "data",
    "settings",
    "machine",
]


def test_all_sections_stand_in_order_and_the_contents_lead_to_them() -> None:
    page = Page(render(report()))
    assert [each for each in page.ids if each in SECTIONS] == SECTIONS
    assert len(set(page.ids)) == len(page.ids)
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert links == [f"#{each}" for each in SECTIONS[1:]]
    assert page.ids.index("warnings") < page.ids.index("headline")


def test_nothing_is_asked_of_a_network_and_nothing_runs() -> None:
    html = render(report())
    page = Page(html)
    assert page.count("script") == 0
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes), tag
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:")), (tag, attributes)
    assert "http:" not in html
    assert "https:" not in html
    assert "@import" not in html
    assert not re.search(r"url\(", html)
    policy = next(each for tag, each in page.tags if tag == "meta" and "http-equiv" in each)
    assert (policy["content"] or "").startswith("default-src 'none'")


def test_the_figures_are_the_evaluations() -> None:
    record = report()
    words = Page(render(record)).words
    accuracy = record.evaluation["metrics"]["accuracy"]
    assert f"{accuracy['value']:.3f}accuracy" in words
    assert f"{accuracy['low']:.3f}–{accuracy['high']:.3f}" in words
    right = sum(row[index] for index, row in enumerate(record.evaluation["confusion"]))
    assert f"{right} of 60 test images classified right, {60 - right} wrong" in words
    for expected in ("11.2 M", "595 M", "1 min 15 s", "the one-cycle peak", "He et al. 2015", "hflip 0.5"):
        assert expected in words
    assert "mixup 0" not in words
    assert "crop_area" not in words


def test_hostile_text_stays_text() -> None:
    classes = (HOSTILE, "bee")
    hostile = report(
        classes,
        title=HOSTILE,
        warnings=[HOSTILE],
        config={HOSTILE: HOSTILE, "a": {HOSTILE: HOSTILE}},
        reasons={HOSTILE: HOSTILE, "a": HOSTILE, "gone": HOSTILE},
        machine={HOSTILE: HOSTILE},
        times={HOSTILE: 1.0},
        network={"name": HOSTILE, "chosen": HOSTILE, "paper": HOSTILE},
        events=[*happened(end=False)[:-1], {"event": "stopped", "step": 60, "reason": HOSTILE}],
    )
    hostile = replace(
        hostile,
        data={
            **hostile.data,
            "name": HOSTILE,
            "counts": {HOSTILE: {HOSTILE: 3}},
            "ignored": [HOSTILE],
            "skipped": [{"path": HOSTILE, "reason": HOSTILE}],
            "store": HOSTILE,
        },
        evaluation={**hostile.evaluation, "split": HOSTILE},
        gallery=replace(hostile.gallery, mistakes=[replace(shown(HOSTILE, "bee"), path=HOSTILE)]),
    )
    page = Page(render(hostile))
    assert page.count("script") == 0
    assert not any("onload" in attributes for _, attributes in page.tags)
    assert page.words.count(HOSTILE) > 15
    assert sum(tag == "img" for tag, _ in page.tags) == sum(
        tag == "img" and (attributes["src"] or "").startswith("data:") for tag, attributes in page.tags
    )


def test_the_same_report_gives_the_same_bytes() -> None:
    assert render(report()) == render(report())


def test_many_classes_become_a_heat_map_and_folded_tables() -> None:
    classes = [f"класс {index} с длинным именем 漢字 {'x' * 60}" for index in range(100)]
    page = Page(render(report(classes, events=happened(epochs=2, steps=3000))))
    assert page.count("img", "heat") == 1
    assert page.count("table", "matrix") == 0
    assert page.count("details") >= 2
    assert all(name in page.words for name in classes)


def test_up_to_thirty_classes_show_each_number() -> None:
    few = Page(render(report([f"c{index}" for index in range(30)])))
    assert few.count("table", "matrix") == 1
    assert few.count("img", "heat") == 0


def test_a_run_without_mistakes_says_so() -> None:
    perfect = evaluation(("no", "yes"), right=1.0)
    perfect["confusion"] = [[20, 0], [0, 20]]
    page = Page(render(report(("no", "yes"), evaluation=perfect, gallery=Gallery())))
    assert "None: all 40 test images were classified right." in page.words
    assert "None: no image was confused with another class." in page.words
    assert "unsure" not in page.ids


def test_mistakes_without_pictures_are_not_called_none() -> None:
    record = report(evaluation=evaluation(("ant", "bee", "cat"), right=0.2), gallery=Gallery())
    assert "This run saved no pictures of its mistakes." in Page(render(record)).words


@pytest.mark.parametrize("epochs", [1, 3])
def test_without_held_out_images_only_training_is_drawn(epochs: int) -> None:
    page = Page(render(report(events=happened(epochs=epochs, val=False))))
    assert "There were no validation images" in page.words
    assert page.count("polyline", "val") == 1  # the calibration's
    assert page.count("polyline", "train") >= 3


@pytest.mark.parametrize(("first", "scale"), [(2.0, False), (300.0, True)])
def test_losses_of_very_different_sizes_take_a_logarithmic_scale(first: float, scale: bool) -> None:
    events = happened()
    next(event for event in events if event["event"] == "epoch")["train"]["log_loss"] = first
    assert ("Log loss, logarithmic scale" in Page(render(report(events=events))).words) == scale


def test_one_epoch_is_drawn_over_steps() -> None:
    words = Page(render(report(events=happened(epochs=1)))).words
    assert "step" in words
    assert "marks epoch 1" in words


def test_early_stopping_names_its_reason() -> None:
    assert "no better held-out figure for 5 epochs" in Page(render(report(events=happened(end=False)))).words


@pytest.mark.parametrize("events", [[], happened()[:1], happened()[:2]])
def test_runs_with_hardly_any_records(events: list[Mapping]) -> None:
    assert "curves" in Page(render(report(events=events))).ids


def test_what_is_absent_is_left_out_and_what_is_undefined_is_a_dash() -> None:
    undefined = {"value": None, "low": None, "high": None}
    bare = evaluation(("ant", "bee"))
    bare["metrics"] = {"accuracy": undefined, "log_loss": None, "kappa": undefined}
    bare["per_class"]["ant"] = dict.fromkeys(bare["per_class"]["ant"], None)
    bare["per_class"]["bee"]["auroc"] = undefined
    bare["calibration"] = {}
    record = report(
        ("ant", "bee"),
        evaluation=bare,
        warnings=[],
        filters=None,
        augmented=[],
        reasons={},
        times={},
        network={"name": "mine"},
    )
    page = Page(render(record))
    assert not {"warnings", "filters", "augmented"} & set(page.ids)
    assert "was not measured" in page.words
    assert "Kappa–" in page.words
    assert "None" not in page.words.replace("None:", "")
    assert "nan" not in page.words


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 16])
@pytest.mark.parametrize("side", [8, 200])
def test_images_of_any_number_of_channels(channels: int, side: int) -> None:
    picture = shown("ant", "bee", shape=(side, side // 2, channels))
    page = Page(render(report(gallery=Gallery(mistakes=[picture]), augmented=[picture.image])))
    assert (f"These images have {channels} channels" in page.words) == (channels not in (1, 3))


@pytest.mark.parametrize(("inputs", "words"), [(1, "grey"), (3, "colours"), (5, "mosaic of its 5 inputs")])
def test_filters_of_any_number_of_inputs(inputs: int, words: str) -> None:
    weights = np.random.default_rng(0).normal(size=(120, inputs, 3, 5))
    page = Page(render(report(filters=weights)))
    assert "96 of 120 filters of the first layer, 3 × 5 pixels" in page.words
    assert words in page.words


def test_a_full_report_stays_small_and_fast() -> None:
    classes = [f"class {index}" for index in range(22)]
    big = report(
        classes,
        events=happened(epochs=30, steps=60),
        gallery=Gallery(
            mistakes=[shown(classes[1], classes[2], shape=(480, 640, 3), seed=seed) for seed in range(48)],
            unsure=[shown(classes[1], classes[1], shape=(480, 640, 3), seed=seed) for seed in range(24)],
        ),
        augmented=[shown("", "", shape=(224, 224, 3), seed=seed).image for seed in range(64)],
        filters=np.random.default_rng(0).normal(size=(64, 3, 7, 7)),
    )
    start = time.perf_counter()
    size_bytes = len(render(big).encode())
    assert size_bytes < 3_000_000  # of noise, which compresses worst
    assert time.perf_counter() - start < 10


def test_rendering_loads_neither_torch_nor_pyplot() -> None:
    code = (
        "import sys; from foveal.reporting.report import render; "
        "print([m for m in ('torch', 'matplotlib.pyplot', 'matplotlib') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_each_figure_of_a_class_stands_in_its_own_column() -> None:
    names = ("precision", "recall", "f1", "auroc", "average_precision")
    figures = {
        name: {"value": value, "low": value - 0.05, "high": value + 0.04}
        for name, value in zip(names, SPREAD, strict=True)
    }
    record = report(evaluation={**report().evaluation, "per_class": {"ant": {"support": 17, **figures}}})
    words = Page(render(record)).words
    assert "classimagesF1, 0 to 1precisionrecallF1AUROCAP" in words
    cells = "".join(f"{value:.3f}{value - 0.05:.3f}–{value + 0.04:.3f}" for value in SPREAD)
    assert f"ant17{cells}" in words


@pytest.mark.parametrize(
    ("confidence", "words"),
    [(0.9, "is overconfident by 0.200"), (0.5, "is underconfident by 0.200")],
)
def test_confidence_above_the_share_that_is_right_is_too_much(confidence: float, words: str) -> None:
    of_bin = {"low": 0.0, "high": 1.0, "confidence": confidence, "accuracy": 0.7, "count": 40}
    page = Page(render(report(evaluation={**report().evaluation, "calibration": {"bins": [of_bin]}})))
    assert words in page.words


def test_training_and_validation_figures_are_drawn_as_what_they_are() -> None:
    events = happened()
    epochs = [each for each in events if each["event"] == "epoch"]
    for each in epochs:
        each["val"] = {name: 0.9 * value for name, value in each["val"].items()}
    words = Page(render(report(events=events))).words
    for name in ("log_loss", "accuracy"):
        for part, called in (("train", "training"), ("val", "validation")):
            assert all(f"{called}, epoch {each['epoch']}: {each[part][name]:.4g}" in words for each in epochs)


def test_images_are_counted_in_their_own_splits_column() -> None:
    counts = {"train": {"ant": 41, "bee": 42}, "val": {"ant": 5}, "test": {"bee": 23}}
    words = Page(render(report(data={**report().data, "counts": counts}))).words
    assert "classtrainingvalidationtest" in words
    assert "all classes83523ant4150bee42023" in words


def test_ground_truth_stands_before_the_prediction() -> None:
    matrix = [[9, 4, 0], [1, 8, 0], [0, 0, 7]]
    page = Page(render(report(evaluation={**report().evaluation, "confusion": matrix})))
    cells = [each["title"] for tag, each in page.tags if tag == "td" and "title" in each]
    assert cells == [
        "ant → ant: 9 of 13",
        "ant → bee: 4 of 13",
        "bee → ant: 1 of 9",
        "bee → bee: 8 of 9",
        "cat → cat: 7 of 7",
    ]
    assert "ground truth → predictionimagesofant → bee413bee → ant19" in page.words
