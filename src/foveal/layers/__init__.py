"""Layers that the networks share and `torch.nn` lacks."""

from foveal.layers.drop_path import DropPath, drop_path
from foveal.layers.normalisation import LocalResponseNorm
from foveal.layers.partial_conv import LENET5_C3_MAPS, PartialConv2d
from foveal.layers.rbf import DIGIT_BITMAPS, EuclideanRBF, digit_codes, output_codes, separated_codes
from foveal.layers.scaled_tanh import ScaledTanh, scaled_tanh
from foveal.layers.shortcut import PadShortcut, pad_shortcut
from foveal.layers.subsampling import Subsampling

__all__ = [
    "DIGIT_BITMAPS",
    "LENET5_C3_MAPS",
    "DropPath",
    "EuclideanRBF",
    "LocalResponseNorm",
    "PadShortcut",
    "PartialConv2d",
    "ScaledTanh",
    "Subsampling",
    "digit_codes",
    "drop_path",
    "output_codes",
    "pad_shortcut",
    "scaled_tanh",
    "separated_codes",
]
