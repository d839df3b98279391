"""The names of optimisers and schedules, for settings and `--help`; importing this loads no torch."""

OPTIMISER_NAMES: tuple[str, ...] = ("sgd", "adam", "adamw", "rmsprop", "adagrad", "muon", "radam", "lion")
"""The keys of `foveal.training.optimisers.OPTIMISERS`, in its order."""

SCHEDULE_NAMES: tuple[str, ...] = ("constant", "step", "cosine", "one_cycle", "plateau")
"""The keys of `foveal.training.schedules.SCHEDULES`, in its order."""
