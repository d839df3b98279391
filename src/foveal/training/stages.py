"""How a network goes on from trained weights: stages that are frozen, and rates that fall towards the input."""

from torch import nn

from foveal.errors import UsageError
from foveal.networks.backbone import Backbone

RATE = 1 / 1.15
"""Of a stage, a share of that of the one after it: discriminative fine-tuning (Howard & Ruder 2018, arXiv:1801.06146,
section 3.2). Differs: stages for layers, and 1.15 for 2.6."""


def freeze(backbone: Backbone, count: int) -> tuple[nn.Module, ...]:
    """The modules of a backbone's first `count` stages, which take no gradient from now on; the backward pass ends
    above them.

    The loop has to keep them in evaluation mode, so that their batch norms keep the statistics. Raises UsageError for
    more stages than there are.
    """
    parts = backbone.parts()
    if count > len(parts):
        raise UsageError(
            f"--freeze {count}: {type(backbone).__name__} has {len(parts)} stages, the stem with the first: "
            f"give 0 to {len(parts)}"
        )
    frozen = tuple(module for part in parts[:count] for module in part)
    for module in frozen:
        module.requires_grad_(False)
    return frozen


def learning_rate_shares(backbone: Backbone) -> dict[nn.Parameter, float]:
    """By parameter, its share of the learning rate: `RATE` in the last stage, its square in the one before, and so on.
    What is not in the backbone, the head and what lies between, has the whole."""
    parts = backbone.parts()
    return {
        parameter: RATE ** (len(parts) - index)
        for index, part in enumerate(parts)
        for module in part
        for parameter in module.parameters()
    }
