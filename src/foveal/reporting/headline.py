"""The top of the page: the title, what to know before reading on, and the figures that sum the run up."""

from collections.abc import Mapping, Sequence

from foveal.reporting.markup import Html, tag
from foveal.reporting.page import fold, track
from foveal.reporting.words import (
    count,
    decimal,
    duration,
    interval,
    interval_of,
    large,
    measure,
    measure_interval,
    number_of,
    things,
)

TITLES: dict[str, tuple[str, str]] = {
    "pixel_accuracy": ("Pixel accuracy", "share of pixels right"),
    "mean_dice": ("Dice", "mean over classes"),
    "boundary_f1": ("Boundary F1", "mean over classes"),
    "mask_AP": ("Mask AP", "average precision of masks"),
    "mask_AP50": ("Mask AP50", "masks overlap by half"),
    "AP50": ("AP50", "boxes overlap by half"),
    "AP75": ("AP75", "by three quarters"),
    "precision": ("Precision", "of the boxes told, at the threshold"),
    "recall": ("Recall", "of the objects, at the threshold"),
    "f1": ("F1", "harmonic mean of both"),
    "APs": ("AP, small", "up to 32 × 32 pixels"),
    "APm": ("AP, medium", "up to 96 × 96 pixels"),
    "APl": ("AP, large", "above"),
    "AR1": ("AR1", "recall of one box an image"),
    "AR10": ("AR10", "of ten"),
    "AR100": ("AR100", "of a hundred"),
    "ARs": ("AR, small", "up to 32 × 32 pixels"),
    "ARm": ("AR, medium", "up to 96 × 96 pixels"),
    "ARl": ("AR, large", "above"),
    "f1_micro": ("Micro F1", "of all labels together"),
    "precision_micro": ("Precision", "of the labels told"),
    "recall_micro": ("Recall", "of the labels there"),
    "rmse": ("RMSE", "root of the mean squared error"),
    "r2": ("R²", "share of the variance told"),
    "f1_macro": ("Macro F1", "mean over classes"),
    "log_loss": ("Log loss", "lower is better"),
    "ece": ("Calibration error", "lower is better"),
    "top5": ("Top-5 accuracy", "truth among the first five"),
    "precision_macro": ("Precision", "mean over classes"),
    "recall_macro": ("Recall", "mean over classes"),
    "auroc_macro": ("AUROC", "mean over classes"),
    "average_precision_macro": ("Average precision", "mean over classes"),
}
"""Metrics in the order in which they stand, with title and how to read; others follow under their name."""
PRIMARY = {
    "AP": "average precision",
    "mAP": "mean average precision of the labels",
    "mIoU": "mean IoU of the classes",
    "relative_mae": "mean error, in standard deviations",
    "mae": "mean absolute error",
}
"""The figures that stand large, and their words."""
IN_UNITS = ("mae", "rmse", "relative_mae")
"""Figures that are no shares of 1."""
MOST_WARNINGS = 6
SPLITS = {"test": "test", "val": "held-out", "train": "training"}


def header(title: str, data: Mapping, evaluation: Mapping) -> Html:
    """The title and one sentence on the images."""
    counts = {split: sum(classes.values()) for split, classes in data["counts"].items()}
    splits = ", ".join(f"{number:,} {SPLITS.get(split, split)}" for split, number in counts.items())
    task, number = evaluation["task"], len(evaluation["classes"])
    classes = (
        f"with {things(number, 'number')} each" if task == "regress" else f"in {things(number, 'class', 'classes')}"
    )
    noun = {"detect": "object", "multilabel": "label"}.get(task, "image")
    about = f"{things(sum(counts.values()), noun)} of {data['name']} {classes}: {splits}."
    return tag(
        "header",
        None,
        tag("p", {"class": "eyebrow"}, "Training report"),
        tag("h1", None, title),
        tag("p", {"class": "about"}, about),
    )


def cautions(warnings: Sequence[str]) -> Html:
    """What changes how the figures are to be read; nothing where there is nothing."""
    if not warnings:
        return Html("")
    body = [_items(warnings[:MOST_WARNINGS])]
    if len(warnings) > MOST_WARNINGS:
        body.append(fold(f"{len(warnings) - MOST_WARNINGS:,} more", _items(warnings[MOST_WARNINGS:])))
    return tag(
        "aside",
        {"class": "cautions", "id": "warnings"},
        tag("h2", None, "Before you trust the figures"),
        *body,
    )


def headline(evaluation: Mapping, network: Mapping, events: Sequence[Mapping], times: Mapping[str, float]) -> Html:
    """Accuracy, large; the other metrics; and what the network weighs and took."""
    metrics = evaluation["metrics"]
    ordered = [name for name in TITLES if name in metrics]
    others = [name for name in metrics if name not in TITLES and name not in ("accuracy", *PRIMARY)]
    figures = [_metric(name, metrics[name]) for name in [*ordered, *others]]
    return tag(
        "section",
        {"id": "headline", "aria-label": "Headline figures"},
        _accuracy(evaluation) if "accuracy" in metrics else _primary(evaluation),
        tag("dl", {"class": "figures"}, *figures),
        tag("dl", {"class": "figures facts"}, *_facts(network, events, times)),
    )


def right_of(evaluation: Mapping) -> tuple[int, int]:
    """(images recognised right, images), counted in the confusion matrix."""
    matrix = evaluation["confusion"]
    return sum(row[index] for index, row in enumerate(matrix)), sum(map(sum, matrix))


def split_of(evaluation: Mapping) -> str:
    """The split that was measured, as a word before "images"."""
    return SPLITS.get(evaluation["split"], evaluation["split"])


def _accuracy(evaluation: Mapping) -> Html:
    record = evaluation["metrics"].get("accuracy")
    value = number_of(record)
    right, total = right_of(evaluation)
    ends = interval_of(record)
    images = things(total, f"{split_of(evaluation)} image")
    words = f"{count(right)} of {images} recognised right, {count(total - right)} wrong"
    sure = [] if ends is None else [tag("span", {"class": "interval"}, "95\u00a0% interval ", interval(record))]
    return tag(
        "div",
        {"class": "accuracy"},
        tag("p", {"class": "value"}, decimal(record), tag("span", None, "accuracy")),
        track(value, ends) if value is not None else Html(""),
        tag("p", {"class": "words"}, words, *sure),
    )


def _primary(evaluation: Mapping) -> Html:
    """The figure of any other task, large."""
    name, words = next((name, words) for name, words in PRIMARY.items() if name in evaluation["metrics"])
    record = evaluation["metrics"][name]
    value, ends = number_of(record), interval_of(record)
    images = things(evaluation["n"], f"{split_of(evaluation)} image")
    if evaluation["task"] == "detect":
        objects = sum(figures["objects"] for figures in evaluation["per_class"].values())
        images = f"{things(int(objects), 'object')} in {images}"
    shown, between = _number(name, record)
    sure = [] if ends is None else [tag("span", {"class": "interval"}, "95\u00a0% interval ", between)]
    return tag(
        "div",
        {"class": "accuracy"},
        tag("p", {"class": "value"}, shown, tag("span", None, words)),
        track(value, ends) if value is not None and name not in IN_UNITS else Html(""),
        tag("p", {"class": "words"}, images, *sure),
    )


def _number(name: str, record: object) -> tuple[str, str]:
    """A figure and its interval in words."""
    if name in IN_UNITS:
        return measure(record), measure_interval(record)
    return decimal(record), interval(record)


def _metric(name: str, record: object) -> Html:
    words = name.replace("_", " ")
    title, hint = TITLES.get(name, (words[:1].upper() + words[1:], ""))
    shown, between = _number(name, record)
    return _figure(title, shown, between or hint, hint if between else "")


def _figure(title: str, value: str, below: str, hint: str = "") -> Html:
    name = tag("dt", None, title)
    lines = [tag("small", None, words) for words in (below, hint) if words]
    return tag("div", None, name, tag("dd", None, tag("b", None, value), *lines))


def _facts(network: Mapping, events: Sequence[Mapping], times: Mapping[str, float]) -> list[Html]:
    speeds = [event["images_per_second"] for event in events if event.get("images_per_second") is not None]
    seconds = [event["seconds"] for event in events if event.get("seconds") is not None]
    epochs = [event["epoch"] for event in events if event.get("event") == "epoch"]
    total = times.get("total", seconds[-1] if seconds else None)
    return [
        _figure("Parameters", large(network.get("parameters")), "numbers learned"),
        _figure("Multiply-adds", large(network.get("multiply_adds")), "for one image"),
        _figure("Training speed", count(speeds[-1]) if speeds else "–", "images per second"),
        _figure(
            "Total time",
            duration(total),
            things(max(epochs), "epoch") if epochs else "",
        ),
    ]


def _items(words: Sequence[str]) -> Html:
    return tag("ul", None, *(tag("li", None, each) for each in words))
