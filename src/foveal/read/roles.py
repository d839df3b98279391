"""What each image is for in a run: the one place where splits, folds and fractions come together."""

from foveal.read.folds import take_fold
from foveal.read.fraction import take_fraction
from foveal.read.splits import assign_splits
from foveal.types import Dataset


def assign_roles(
    dataset: Dataset,
    *,
    val_share: float,
    test_share: float,
    seed: int,
    fraction: float = 1.0,
    folds: int = 0,
    fold: int = 0,
) -> Dataset:
    """The data set with a split for every sample: "train", "val", "test" or "unused".

    The splits are those of `assign_splits`. With a `fold`, 1 to `folds`, the images outside test are split anew: the
    fold is for test (`take_fold`), and `val_share` of the others is held out. Last, `take_fraction` leaves training
    images out. Raises what these do.
    """
    if fold:
        dataset = assign_splits(dataset, val_share=0.0, test_share=test_share, seed=seed)
        dataset = take_fold(dataset, fold=fold, folds=folds, seed=seed)
        test_share = 0.0
    dataset = assign_splits(dataset, val_share=val_share, test_share=test_share, seed=seed)
    return take_fraction(dataset, fraction, seed=seed)
