"""The predictions of several labels an image: precision by recall, and the table by label."""

from collections.abc import Mapping

from foveal.reporting.classes import by_support
from foveal.reporting.markup import join
from foveal.reporting.page import Section, note, side_by_side
from foveal.reporting.precision_recall import chart
from foveal.reporting.words import decimal, interval

_TABLE = (
    "Worst first. A label is predicted where its score reaches its threshold, which was chosen on the validation "
    "images for the highest F1. Precision: of the images predicted to have the label, the share that does. Recall: "
    "of those that have it, the share predicted. F1: their harmonic mean. AP: the area below the label's curve, over "
    "all thresholds. Small figures and pale bands are 95\u00a0% intervals; few images make them wide."
)


def precision_recall(evaluation: Mapping) -> Section:
    """The section on predicted labels against the ground truth."""
    metrics = evaluation["metrics"]
    point = {name: metrics[f"{name}_micro"] for name in ("precision", "recall")}
    words = (
        "Each curve goes through all thresholds of a label, from few and sure images on the left to many on the right; "
        "the corner at the upper right is perfect. A dot is what a label gets at its own threshold; the ring is what "
        f"all labels together get: {_share(point['precision'])} of the predicted labels are right, and "
        f"{_share(point['recall'])} of the true ones are predicted."
    )
    description = f"Precision by recall; mAP {decimal(metrics['mAP'])}"
    drawing = chart(
        evaluation["precision_by_recall"], evaluation["per_class"], point, everything="all labels", words=description
    )
    return Section(
        anchor="precision-recall",
        title="Precision and recall",
        short="Precision and recall",
        body=join(note(words), side_by_side(drawing)),
    )


def by_label(per_class: Mapping[str, Mapping]) -> Section:
    """The table by label, the worst first."""
    body = join(note(_TABLE), by_support(per_class, one="label", many="labels"))
    return Section(anchor="classes", title="Label by label", short="Labels", body=body)


def _share(record: Mapping) -> str:
    ends = interval(record)
    return decimal(record) + (f" ({ends})" if ends else "")
