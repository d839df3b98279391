"""Which epoch's weights the model file keeps: the latest that are as good as the best, within the standard error."""


def is_better(value: float, best: float | None, *, higher_is_better: bool) -> bool:
    """Whether a held-out figure betters the best one so far; a tie does not."""
    if best is None:
        return True
    return value > best if higher_is_better else value < best


def is_as_good(value: float, error: float, best: float, *, higher_is_better: bool) -> bool:
    """Whether a held-out figure is within its standard error of the best one so far, or better.

    The one-standard-error rule of Breiman et al. 1984, "Classification and Regression Trees", section 3.4.3, for
    epochs: a best of many looks at few images is mostly luck, and the longer-trained weights are the better bet.
    """
    return value >= best - error if higher_is_better else value <= best + error
