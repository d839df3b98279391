"""List all networks with their parameters and papers."""

from typing import Any

from foveal.networks import NETWORKS


def models() -> list[dict[str, Any]]:
    """One entry a network: its name, parameters, paper, title, classes, channels, sizes in pixels and stages.

    Parameters are counted at the paper's own classes and channels.
    """
    return [
        {
            "name": spec.name,
            "parameters": spec.parameters,
            "paper": spec.paper,
            "title": spec.title,
            "classes": spec.num_classes,
            "channels": spec.in_channels,
            "size": spec.size,
            "min_size": spec.needs.min_size,
            "stages": [{"name": each.name, "channels": each.channels, "stride": each.stride} for each in spec.stages],
        }
        for spec in NETWORKS.values()
    ]
