"""A backbone, a pyramid and a detection head as one network."""

from torch import Tensor

from foveal.errors import ModelError
from foveal.networks.backbone import Backbone
from foveal.networks.build import Network
from foveal.networks.detector_head import DetectorHead
from foveal.networks.mask_head import MaskHead
from foveal.networks.pyramid import Pyramid
from foveal.ops.mask_points import STRIDE

STRIDES = (8, 16, 32)
"""Of the maps in which objects are looked for."""
FEWEST_CHANNELS, MOST_CHANNELS = 64, 256
"""Of the pyramid's maps, where they are as many as the backbone's finest of them."""


class Detector(Network):
    """Images (B, C, H, W) -> what `DetectorHead` gives."""

    def __init__(self, backbone: Backbone, num_classes: int, *, channels: int | None = None) -> None:
        """channels: of the pyramid's maps; None goes by the backbone's.

        Raises ModelError for a backbone without stages of these strides.
        """
        stages = {stage.stride: stage for stage in backbone.stages}
        missing = [stride for stride in STRIDES if stride not in stages]
        if missing:
            raise ModelError(
                f"{type(backbone).__name__} can't carry a detector: it has no stage with a cell of {missing[0]} pixels "
                "(`foveal models` lists the stages)"
            )
        width = channels or min(MOST_CHANNELS, max(FEWEST_CHANNELS, stages[STRIDES[0]].channels))
        super().__init__(backbone, DetectorHead(STRIDES, width, num_classes))
        self.pyramid = Pyramid([stages[stride] for stride in STRIDES], width)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        outputs: dict[str, Tensor] = self.head(self.pyramid(self.backbone(images)))
        return outputs


class InstanceDetector(Detector):
    """Images (B, C, H, W) -> what `DetectorHead` and `MaskHead` give."""

    def __init__(self, backbone: Backbone, num_classes: int, *, channels: int | None = None) -> None:
        super().__init__(backbone, num_classes, channels=channels)
        finest = next((stage for stage in backbone.stages if stage.stride == STRIDE), None)
        if finest is None:
            raise ModelError(
                f"{type(backbone).__name__} can't carry masks: it has no stage with a cell of {STRIDE} pixels"
            )
        self.masks = MaskHead(STRIDES, self.pyramid.channels, finest)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        features = self.backbone(images)
        maps = self.pyramid(features)
        return {**self.head(maps), **self.masks(maps, features)}
