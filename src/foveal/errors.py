"""The error tree: every failure a user can cause is a FovealError whose text says what to do."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path


class FovealError(Exception):
    """Any failure with a message meant for the user; the command line prints it as one line, exit code 1."""


class UsageError(FovealError, ValueError):
    """An option or argument that can't be used; exit code 2."""


class DataError(FovealError):
    """A data set that can't be read: wrong layout, missing columns, no images."""


class ImageError(DataError):
    """One image that can't be decoded.

    `path` is the file (or a name such as `images[17]`), `reason` says why without repeating the path.
    """

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason

    def __reduce__(self) -> tuple[type["ImageError"], tuple[Path | str, str]]:
        return type(self), (self.path, self.reason)


class BadImagesError(DataError):
    """All images of a data set that can't be decoded, found in one pass; `errors` holds each."""

    shown = 20

    def __init__(self, errors: Sequence[ImageError]) -> None:
        lines = [f"  {error}" for error in errors[: self.shown]]
        if len(errors) > self.shown:
            lines.append(f"  … and {len(errors) - self.shown} more")
        images = "image" if len(errors) == 1 else "images"
        super().__init__(
            f"{len(errors)} {images} can't be decoded (repair or remove them, or pass --on-bad-image skip):\n"
            + "\n".join(lines)
        )
        self.errors = tuple(errors)


class ModelError(FovealError):
    """A model file or network that can't be used: unreadable, wrong size, wrong channels, unknown name."""


class RunError(FovealError):
    """A run folder that can't be used: it exists already, holds no run, or is in use by another process."""


class Interrupted(FovealError):
    """Training stopped on a signal after saving; `exit_code` is 130 for Ctrl-C and 143 for SIGTERM."""

    def __init__(self, message: str, *, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class DivergedError(FovealError):
    """Training whose loss or figures are no finite numbers any more."""


class ProcessLost(FovealError):
    """Another process of the same run has failed or gone, and this one can't go on without it."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the close ones, or all there are."""
    known = list(known)
    close = get_close_matches(name, known, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else f"there are: {', '.join(known)}"
