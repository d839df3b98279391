"""The losses' names, for settings and `--help`; importing this loads no torch."""

LOSS_NAMES: tuple[str, ...] = ("cross_entropy", "focal", "mean_squared_error", "lenet5_mse", "lenet5_map")
"""The keys of `foveal.losses.classification.LOSSES`, in its order."""
NUMBER_LOSS_NAMES = ("huber", "mse", "mae")
"""Of `foveal.losses.regression.NUMBER_LOSSES`."""
LABEL_LOSS_NAMES = ("binary_cross_entropy", "focal")
"""Of `foveal.losses.labels.LABEL_LOSSES`."""
PIXEL_LOSS_NAMES = ("cross_entropy", "dice", "focal", "cross_entropy_dice")
"""Of `foveal.losses.segmentation.PIXEL_LOSSES`."""
