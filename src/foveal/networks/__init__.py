"""The index of networks. Importing it loads no torch; `foveal.networks.build` makes the modules."""

from foveal.networks.index import NETWORKS
from foveal.networks.spec import NetworkSpec, StageSpec

__all__ = ["NETWORKS", "NetworkSpec", "StageSpec"]
