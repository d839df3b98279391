"""Labelled images from what people have: folders, tables, IDX files, arrays. Nothing is decoded at reading.

A format is one file of this package and one line in `READERS`. An archive is none: it is a folder of any format.
"""

from typing import TYPE_CHECKING

from foveal.annotations import Annotation, ClassLabel, LabelSet, Numbers, Objects, PixelClasses
from foveal.index import Index

if TYPE_CHECKING:
    from foveal.read.reader import Reader

READERS: "Index[Reader]" = Index(
    {
        "class-folders": "foveal.read.class_folders:CLASS_FOLDERS",
        "csv": "foveal.read.csv_table:CSV",
        "idx": "foveal.read.idx:IDX",
        "arrays": "foveal.read.arrays:ARRAYS",
        "cifar10": "foveal.read.cifar:CIFAR10",
        "cifar100": "foveal.read.cifar:CIFAR100",
        "imagefolder": "foveal.read.imagefolder:IMAGEFOLDER",
        "coco": "foveal.read.coco:COCO",
        "voc": "foveal.read.voc:VOC",
        "yolo": "foveal.read.yolo:YOLO",
        "label-maps": "foveal.read.label_maps:LABEL_MAPS",
    }
)

LEARNED_FROM: dict[str, type[Annotation]] = {
    "classify": ClassLabel,
    "regress": Numbers,
    "multilabel": LabelSet,
    "detect": Objects,
    "segment": PixelClasses,
}
"""The kind of annotation that each task needs. Of several that need one kind, the first is what such data is for."""
