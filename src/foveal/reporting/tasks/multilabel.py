"""How several labels an image are shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from foveal.reporting.curves import History, log_loss, validation
from foveal.reporting.headline import evaluated_images
from foveal.reporting.labels import by_label, precision_recall
from foveal.reporting.listings import Listing, by_class
from foveal.reporting.markup import Html, join
from foveal.reporting.page import Section, note
from foveal.reporting.pictures import Shown, predictions
from foveal.reporting.tasks.presentation import Headline, Metric, Nouns, Presentation
from foveal.reporting.words import shares
from foveal.types import Sample

if TYPE_CHECKING:
    from foveal.reporting.galleries.evaluated import Evaluated

METRICS = {
    "mAP": Metric(title="Mean average precision of the labels"),
    "f1_micro": Metric(title="Micro F1", hint="of all labels together"),
    "precision_micro": Metric(title="Precision", hint="of the predicted labels"),
    "recall_micro": Metric(title="Recall", hint="of the true labels"),
    "f1_macro": Metric(title="Macro F1", hint="mean over classes"),
}


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Evaluated images."""

    mistakes: Sequence[Shown] = ()
    """Each with the label on which it is most wrong, the most confident first."""


def _headline(evaluation: Mapping) -> Headline:
    return Headline(metric="mAP", sentence=evaluated_images(evaluation))


def _curves(run: History) -> list[Html]:
    return [log_loss(run), validation(run, "mAP", "Mean average precision")]


def _gallery(evaluated: "Evaluated") -> Gallery:
    from foveal.reporting.galleries.multilabel import gallery  # torch is loaded where it is used

    return gallery(evaluated)


def _sections(evaluation: Mapping, gallery: Gallery) -> list[Section]:
    return [precision_recall(evaluation), by_label(evaluation["per_class"]), _mistakes(gallery.mistakes)]


def _mistakes(shown: Sequence[Shown]) -> Section:
    words = (
        "The most confident first, an image each: its true labels → the wrong prediction, and the score of that "
        "label: high for a false positive, low for a false negative. Look here for labels that somebody forgot."
    )
    body = join(note(words), predictions(shown, right=False)) if shown else note("None: every label is right.")
    return Section(anchor="mistakes", title="Most confident mistakes", short="Mistakes", body=body)


def _listings(result: Mapping) -> list[str | Listing]:
    names = ("threshold", "precision", "recall", "f1", "average_precision")
    return [by_class(result["per_class"], names, count="support", counted="images")]


def _draw_targets(
    pictures: list[np.ndarray], targets: Any, samples: Sequence[Sample], classes: Sequence[str]
) -> tuple[list[np.ndarray], list[str]]:
    return pictures, [shares(target.tolist(), classes) for target in targets]


PRESENTATION = Presentation(
    nouns=Nouns(
        counted="label",
        learned=lambda number: f"{number} labels, any number of them an image",
        split_size=lambda images, counted: f"{images:,} images",
    ),
    metrics=METRICS,
    headline=_headline,
    curves=_curves,
    gallery=_gallery,
    sections=_sections,
    listings=_listings,
    draw_targets=_draw_targets,
)
