"""Augmentation of whole batches on their device; `foveal.augment.pipeline` draws and applies it."""

from foveal.augment.settings import AugmentSettings

__all__ = ["AugmentSettings"]
