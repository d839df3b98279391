"""What is known of a network without building it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSpec:
    """One resolution of a backbone: a neck or a decoder reads its feature map by name."""

    name: str
    channels: int
    stride: int
    """Input pixels to a cell; a side of n pixels gives about n / stride cells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSpec:
    """An entry of `NETWORKS`. Sizes are sides in pixels."""

    name: str
    builder: str
    """Function that makes the backbone, as "module:function"; called with `in_channels`."""
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
    min_size: int
    """Smallest side that the network takes."""
    loss: str = "cross_entropy"
    """The paper's training criterion."""
    bfloat16: bool = True
    """Whether to take bfloat16 where it is native: convolutions of a few channels are slower in it."""
    stages: tuple[StageSpec, ...] = ()
    """From the finest to the coarsest; empty where the maps fit no pyramid."""
