"""Predict the class of images, their labels, numbers, objects or pixels; exit code 3 where some could not be read."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from foveal.errors import UsageError
from foveal.options import Option
from foveal.types import DeviceName, EngineName, Module, Precision
from foveal.verbs.parameters import Device

if TYPE_CHECKING:
    from foveal.answers.predicted import Failed, Predicted
    from foveal.inference.predictor import Model


def load(
    model: Path | str,
    *,
    module: Module | None = None,
    device: DeviceName = "auto",
    engine: EngineName = "auto",
    precision: Precision = "auto",
) -> "Model":
    """The trained network in a model file or run folder, to be used again and again: `load("run")("cat.jpg")`.

    module: your own network, where the model was trained with one. engine and precision: "auto" takes the fastest
    engine here that agrees with the network, and prepares it; standard error says which.
    Raises ModelError, and UsageError where the engine is not to be had.
    """
    from foveal.verbs.predictions import loaded_model

    return loaded_model(model, module=module, device=device, engine=engine, precision=precision)


def predict(
    model: Annotated["Path | str | Model", Option("A model file or a run folder.", typed=Path)],
    paths: Annotated[
        str | Path | Sequence[str | Path],
        Option(
            "Files, folders, archives, globs, or - for a list of paths on standard input.",
            typed=list[str],
            hyphens=True,
        ),
    ],
    *,
    tta: Annotated[bool, Option("Average over shifted views, and mirrored ones where training mirrored.")] = False,
    tile: Annotated[
        int | None,
        Option(
            "Take large images apart into tiles with a longer side of so many pixels, and join what is found in them."
        ),
    ] = None,
    overlap: Annotated[
        float | None,
        Option("The share of a side that neighbouring tiles have in common at least; 0.2 where not given."),
    ] = None,
    device: Device = "auto",
    engine: Annotated[
        EngineName, Option("What computes: auto takes the fastest one installed that agrees with the network.")
    ] = "auto",
    precision: Annotated[
        Precision,
        Option("Of the engine: auto is bfloat16 where the processor computes it natively and the engine then agrees."),
    ] = "auto",
    draw: Annotated[
        Path | str | None,
        Option("A folder for copies of the images with boxes, or the colours of classes, on them.", typed=Path),
    ] = None,
    masks: Annotated[
        Path | str | None,
        Option("A folder for label maps: a PNG of class indices for each image.", typed=Path),
    ] = None,
    coco: Annotated[
        Path | str | None,
        Option(
            "A file for boxes with their scores, or the outlines of classes' regions, as COCO's annotations.",
            typed=Path,
        ),
    ] = None,
) -> "Iterator[Predicted | Failed]":
    """For each input `foveal.Predicted` with its path and answer, or `foveal.Failed` with its path and the reason; in
    order, as they come. An answer is `foveal.Classified`: label, score, and the scores of all classes; of several
    labels `Labelled`: those above their thresholds, and the scores of all; of a regression `Measured`: values by name;
    of a detector `Detected`: boxes_xyxy (N, 4) in pixels of the image, scores, labels, and where it learned them masks
    (run lengths; `foveal.ops.masks.rasterised` makes them pixels); of a segmentation `Segmented`: label_map, a class
    index for each pixel, (H, W) uint8, and each class's share. `to_json()` of each gives plain values.

    model: a file or run folder; what `load` gave keeps its device, engine and precision. paths: files, folders and
    zip or tar archives (searched for images by name), globs, or "-" for a list of paths on standard input. `tta`
    averages over shifted views, and mirrored ones where training mirrored. tile and overlap: a detector or a
    segmentation takes large images apart into tiles whose longer side has so many pixels, which share at least that
    much of a side with their neighbours, and joins what it finds. engine and precision: as for `load`, but a few
    images are not worth an engine's preparation. Started by torchrun, each process takes its share of the batches;
    the first one gives all predictions, the others none.
    draw: a folder, made where it is missing, for copies of the images with boxes or the classes' colours on them.
    masks: one for label maps as PNG, in the format that training reads. coco: a file for what was found, written at
    the end in COCO's format: boxes with their scores, or the outline of every connected region of a class.
    Raises ModelError, UsageError where the engine is not to be had or there are no boxes to draw, and DataError where a
    folder, archive or glob holds no image or an archive is refused.
    """
    from foveal.inference.engines.engine import BATCH_SIZE
    from foveal.inference.predictor import Model
    from foveal.processes.group import joined
    from foveal.verbs.predictions import check_typed, drawn, expand, loaded_model, predictions_of, with_masks

    with joined() as processes:
        given = [paths] if isinstance(paths, str | Path) else paths
        check_typed(given)
        inputs = processes.broadcast(lambda: list(expand(given)))  # standard input is read once
        loaded = model
        if not isinstance(loaded, Model):
            loaded = loaded_model(loaded, device=device, engine=engine, precision=precision, images=len(inputs))

        kind = loaded.answering.kind
        if draw is not None and not kind.SPATIAL:
            raise UsageError("--draw draws boxes or the classes of pixels; this model looks at whole images")
        if masks is not None and not kind.PIXELS:
            raise UsageError(f"--masks saves the class of every pixel; this model's task is to {loaded.contract.task}")
        if coco is not None and not kind.SPATIAL:
            raise UsageError("--coco writes boxes or the regions of classes; this model looks at whole images")

        def work(mine: Iterable[Path]) -> "Iterator[Predicted | Failed]":
            predictions = predictions_of(loaded, mine, tta=tta, tile=tile, overlap=overlap)
            if draw is not None:
                predictions = drawn(predictions, Path(draw))
            return predictions if masks is None else with_masks(predictions, Path(masks))

        found = processes.share_out(inputs, work, size=BATCH_SIZE)
        if coco is not None and processes.first:
            from foveal.verbs.coco_file import with_coco

            found = with_coco(found, loaded.classes, Path(coco))
        yield from found
