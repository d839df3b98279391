"""Predictions as they come: of which inputs, and what is written of them on the way."""

import glob
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, count, tee
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from foveal.answers.predicted import Failed, Outcome, Predicted
from foveal.errors import DataError, ImageError, UsageError
from foveal.files import atomic_path
from foveal.images import IMAGE_SUFFIXES, decode
from foveal.images.label_map import write_label_map
from foveal.inference.predictor import Model, load_model
from foveal.processes.launch import launched
from foveal.read.archive_path import file_named, is_archive, open_archive
from foveal.read.walk import image_files
from foveal.runs import model_path
from foveal.types import DeviceName, EngineName, Precision

if TYPE_CHECKING:
    from torch import nn


def check_typed(paths: Sequence[str | Path]) -> None:
    """Raises UsageError where nothing is named, and for what looks like an option."""
    if not paths:
        raise UsageError("nothing to predict: give files, folders or globs, or - for a list on standard input")
    for path in map(str, paths):
        if path.startswith("-") and path != "-" and not Path(path).exists():
            raise UsageError(f"no option {path}, and no file of that name (foveal predict --help)")


def predictions_of(
    model: Model, paths: Iterable[Path], *, tta: bool, tile: int | None, overlap: float | None
) -> Iterator[Outcome]:
    ours, theirs = tee(paths)
    for path, answer in zip(ours, model.predict(theirs, tta=tta, tile=tile, overlap=overlap), strict=True):
        if isinstance(answer, ImageError):
            yield Failed(str(path), answer.reason)
        else:
            yield Predicted(str(path), answer)


def drawn(predictions: Iterable[Outcome], folder: Path) -> Iterator[Outcome]:
    """The predictions as they are; each image is saved as `folder`/NAME.jpg with what was found on it."""
    from foveal.reporting.overlays import draw_overlay  # fonts are loaded where they are used

    names = _Names(folder)
    for prediction in predictions:
        if isinstance(prediction, Predicted):
            image = draw_overlay(decode(file_named(prediction.path)), prediction.answer.overlay())
            with atomic_path(names.take(prediction.path, ".jpg")) as temporary:
                Image.fromarray(image).save(temporary, "JPEG", quality=95)
        yield prediction


def with_masks(predictions: Iterable[Outcome], folder: Path) -> Iterator[Outcome]:
    """The predictions as they are; each label map is saved as `folder`/NAME.png."""
    names = _Names(folder)
    for prediction in predictions:
        if isinstance(prediction, Predicted):
            labels = prediction.answer.overlay().label_map
            assert labels is not None
            with atomic_path(names.take(prediction.path, ".png")) as temporary:
                write_label_map(labels, temporary)
        yield prediction


class _Names:
    """Files of a folder named after images, each name once."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._taken: set[str] = set()

    def take(self, path: str, suffix: str) -> Path:
        """A file of the image's name, numbered where another image has it already."""
        stem = Path(path).stem
        names = chain([stem], (f"{stem}-{number}" for number in count(2)))
        name = next(each for each in names if each.casefold() not in self._taken)
        self._taken.add(name.casefold())
        return self._folder / f"{name}{suffix}"


def loaded_model(
    model: Path | str,
    *,
    module: "nn.Module | None" = None,
    device: DeviceName,
    engine: EngineName,
    precision: Precision,
    images: int | None = None,
) -> Model:
    # Not `foveal.verbs.console`, which would import rich: this is the verb whose start is waited for.
    def say(line: str) -> None:
        if launched().first:
            print(line, file=sys.stderr, flush=True)

    from foveal.device import pick_device

    return load_model(
        model_path(model),
        module=module,
        device=pick_device(device),
        engine=engine,
        precision=precision,
        images=images,
        say=say,
    )


def expand(paths: Iterable[str | Path]) -> Iterator[Path]:
    """The files that the inputs name, in order; those of folders, archives and globs sorted. A file need not exist: it
    fails by itself."""
    for given in paths:
        if str(given) == "-":
            yield from expand(line for line in sys.stdin.read().splitlines() if line.strip())
            continue
        path = Path(given)
        if path.is_dir():
            yield from _nonempty(path, image_files(path))
        elif is_archive(path):
            yield from _nonempty(path, image_files(open_archive(path)))
        elif not path.exists() and glob.has_magic(str(given)):
            matches = (Path(each) for each in sorted(glob.glob(str(given), recursive=True)))  # noqa: PTH207
            files = {each.resolve(): each for each in reversed([each for each in matches if each.is_file()])}
            yield from _nonempty(path, sorted(files.values()))  # once, however many links lead there
        else:
            yield path


def _nonempty(given: Path, found: list[Path]) -> list[Path]:
    if not found:
        raise DataError(f"{given}: no images here (files ending in {', '.join(sorted(IMAGE_SUFFIXES))})")
    return found
