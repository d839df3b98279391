"""How a classification is shown: one class an image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from foveal.reporting.calibration import calibration
from foveal.reporting.classes import classes
from foveal.reporting.confusion import Counted, confusion
from foveal.reporting.curves import History, accuracy, log_loss
from foveal.reporting.headline import split_of
from foveal.reporting.listings import Listing, by_class, confusion_matrix
from foveal.reporting.markup import Html, join
from foveal.reporting.page import Section, note
from foveal.reporting.pictures import Shown, predictions
from foveal.reporting.tasks.presentation import Headline, Metric, Nouns, Presentation
from foveal.reporting.words import count, shares, things
from foveal.types import Sample

if TYPE_CHECKING:
    from foveal.reporting.galleries.evaluated import Evaluated

METRICS = {
    "accuracy": Metric(title="Accuracy"),
    "f1_macro": Metric(title="Macro F1", hint="mean over classes"),
    "log_loss": Metric(title="Log loss", hint="lower is better"),
    "ece": Metric(title="Calibration error", hint="lower is better"),
    "top5": Metric(title="Top-5 accuracy", hint="ground truth among the first five"),
    "precision_macro": Metric(title="Precision", hint="mean over classes"),
    "recall_macro": Metric(title="Recall", hint="mean over classes"),
    "auroc_macro": Metric(title="AUROC", hint="mean over classes"),
    "average_precision_macro": Metric(title="Average precision", hint="mean over classes"),
}
_COUNTED = Counted(one="image", axes="Rows are the ground truth, columns the predictions.")


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Evaluated images."""

    mistakes: Sequence[Shown] = ()
    """The most confident first."""
    unsure: Sequence[Shown] = ()
    """Right, but the least sure, least sure first."""


def _headline(evaluation: Mapping) -> Headline:
    right, total = _right_of(evaluation)
    images = things(total, f"{split_of(evaluation)} image")
    sentence = f"{count(right)} of {images} classified right, {count(total - right)} wrong"
    return Headline(metric="accuracy", sentence=sentence)


def _right_of(evaluation: Mapping) -> tuple[int, int]:
    """(images classified right, images), counted in the confusion matrix."""
    matrix = evaluation["confusion"]
    return sum(row[index] for index, row in enumerate(matrix)), sum(map(sum, matrix))


def _curves(run: History) -> list[Html]:
    return [log_loss(run), accuracy(run)]


def _gallery(evaluated: "Evaluated") -> Gallery:
    from foveal.reporting.galleries.classify import gallery  # torch is loaded where it is used

    return gallery(evaluated)


def _sections(evaluation: Mapping, gallery: Gallery) -> list[Section]:
    bins = evaluation["calibration"].get("bins", ())
    return [
        confusion(evaluation["confusion"], evaluation["classes"], _COUNTED),
        classes(evaluation["per_class"]),
        calibration(bins, evaluation["metrics"].get("ece")),
        _mistakes(gallery.mistakes, evaluation),
        *([_unsure(gallery.unsure)] if gallery.unsure else []),
    ]


def _mistakes(shown: Sequence[Shown], evaluation: Mapping) -> Section:
    right, total = _right_of(evaluation)
    if shown:
        words = (
            "Most confident first, each as ground truth → prediction, and the score. Look here for wrong labels, "
            "for pictures that show two things, and for what the network took for the object."
        )
        body = join(note(words), predictions(shown, right=False))
    elif right == total:
        body = note(f"None: all {things(total, f'{split_of(evaluation)} image')} were classified right.")
    else:
        body = note("This run saved no pictures of its mistakes.")
    return Section(anchor="mistakes", title="Most confident mistakes", short="Mistakes", body=body)


def _unsure(shown: Sequence[Shown]) -> Section:
    words = "Right, but with the lowest scores, least sure first: more images like these help most."
    body = join(note(words), predictions(shown, right=True))
    return Section(anchor="unsure", title="Right, but barely", short="Doubts", body=body)


def _listings(result: Mapping) -> list[str | Listing]:
    names = ("precision", "recall", "f1", "auroc", "average_precision")
    return [by_class(result["per_class"], names, count="support", counted="images"), *confusion_matrix(result)]


def _draw_targets(
    pictures: list[np.ndarray], targets: Any, samples: Sequence[Sample], classes: Sequence[str]
) -> tuple[list[np.ndarray], list[str]]:
    return pictures, [shares(target.tolist(), classes) for target in targets]


PRESENTATION = Presentation(
    nouns=Nouns(
        counted="image",
    ),
    metrics=METRICS,
    headline=_headline,
    curves=_curves,
    gallery=_gallery,
    sections=_sections,
    listings=_listings,
    draw_targets=_draw_targets,
)
