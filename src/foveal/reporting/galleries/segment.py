"""Pictures of a segmentation: images with their ground truth and predictions."""

import numpy as np
import torch

from foveal.annotations import PixelClasses
from foveal.answers.segment import label_maps
from foveal.evaluation.forward import forward
from foveal.images.label_map import read_label_map
from foveal.reporting.galleries.evaluated import Evaluated, whole_image
from foveal.reporting.galleries.examples import examples_of
from foveal.reporting.overlays import colour_pixels
from foveal.reporting.places import Example
from foveal.reporting.tasks.segment import Gallery


def gallery(evaluated: Evaluated) -> Gallery:
    """Images by their share of right pixels."""
    counts = [each for record in evaluated.evaluation.records for each in record]
    rights = [np.trace(each.confusion) / max(1, each.confusion.sum()) for each in counts]
    order = sorted(range(len(rights)), key=lambda index: rights[index])
    return Gallery(examples=examples_of(order, lambda index: _example(evaluated, index, float(rights[index]))))


def _example(evaluated: Evaluated, index: int, right: float) -> Example:
    sample = evaluated.store.samples[index]
    image = whole_image(sample)
    return Example(
        ground_truth=colour_pixels(image, read_label_map(sample.known(PixelClasses).label_map)),
        predicted=colour_pixels(image, _predicted(evaluated, index)),
        words=f"{right:.3f} of its pixels right",
        path=sample.image.name,
    )


def _predicted(evaluated: Evaluated, index: int) -> np.ndarray:
    """(H, W): the predicted classes of the pixels of an image."""
    store = evaluated.store
    size_hw = store.samples[index].size_hw
    assert size_hw is not None
    images = store.gather(torch.tensor([index]))
    outputs = forward(evaluated.network, store.preprocess, images, device=evaluated.device)
    return label_maps({"logits": outputs["logits"].numpy()}, [store.preprocess.placement(size_hw)])[0]
