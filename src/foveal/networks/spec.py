"""What is known of a network without building it."""

from dataclasses import dataclass
from typing import Literal

RateFamily = Literal["normed", "plain", "distances", "unknown"]
"""What a network's learning rates follow from: batch norm throughout; large layers without it, such as the head of
every VGG, which take smaller ones; LeNet-5's distances; or nothing that is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSpec:
    """One resolution of a backbone: a neck or a decoder reads its feature map by name."""

    name: str
    channels: int
    stride: int
    """Input pixels to a cell; a side of n pixels gives about n / stride cells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a run has to heed: the rules of recipes and of training read this, and never a network's name.

    The values not given are those of most networks. Sizes are sides in pixels.
    """

    min_size: int
    """Smallest side that the network takes."""
    own_size: int | None = None
    """Side that it is given whatever the images' is; None goes by the images."""
    pads_from: int = 0
    """Side of the smallest images that are padded to `own_size`, not enlarged."""
    one_size: bool = False
    """Whether it trains at the size of its use alone: fully connected layers are tied to one grid."""
    input_statistics: tuple[float, float] | None = None
    """Mean and standard deviation that every channel of the input, in 0..1, is standardised by; None takes those of the
    training images."""
    classes_only: bool = False
    """Whether its outputs are distances to codes of classes, and can be nothing else."""
    loss: str = "cross_entropy"
    """The paper's training criterion."""
    rates: RateFamily = "normed"
    bfloat16: bool = True
    """Whether to take bfloat16 where it is native: convolutions of a few channels are slower in it."""


OWN_MODULE = Needs(min_size=1, one_size=True, rates="unknown")
"""Of a user's own module, of which nothing is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSpec:
    """What a name stands for. Sizes are sides in pixels."""

    name: str
    builder: str
    """Function that makes the backbone, as "module:function"; called with `builder_arguments` and `in_channels`."""
    builder_arguments: tuple[str, ...] = ()
    """Such as the name that another library has for the network."""
    paper: str
    """Author, year, and arXiv id or venue."""
    title: str
    parameters: int
    """At `num_classes` classes and `in_channels` channels, of what runs in prediction."""
    auxiliary_parameters: int = 0
    """Further ones, of heads that run in training only."""
    num_classes: int = 1000
    """The paper's own count."""
    in_channels: int = 3
    size: int
    """Side of the input in the paper, and the default here."""
    needs: Needs
    stages: tuple[StageSpec, ...] = ()
    """From the finest to the coarsest; empty where the maps fit no pyramid."""
