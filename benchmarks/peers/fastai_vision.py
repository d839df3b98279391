"""ResNet-18 as fastai's vision tutorial trains, from random weights.

default: Resize to a square by cropping, aug_transforms on the batch, vision_learner with Adam, fit_one_cycle with its
own learning rate 1e-3; its own number of loading processes (null in the result: as many as cores), float32.
best: the same recipe in channels-last and bfloat16, without loading processes. fastai's own `to_bf16` names CUDA in its
autocast, so a callback opens PyTorch's for the device.
"""

import time

import fastai
import PIL
import torch
import torchvision
from driver import arguments, finish, mixed_precision
from fastai.callback.core import Callback
from fastai.data.transforms import Normalize, get_image_files
from fastai.metrics import accuracy
from fastai.torch_core import set_seed
from fastai.vision.all import ChannelsLast, ImageDataLoaders, Resize, aug_transforms, imagenet_stats, vision_learner
from torchvision.models import resnet18

WORKERS = {"default": None, "best": 0}  # None leaves the choice to fastai


class Bfloat16(Callback):
    """Forward pass and loss under autocast."""

    def __init__(self, args):
        self.args = args

    def before_batch(self):
        self.autocast = mixed_precision(self.args)
        self.autocast.__enter__()

    def after_pred(self):
        self.learn.pred = self.pred.float()

    def after_loss(self):
        self.autocast.__exit__(None, None, None)


class Clock(Callback):
    """Seconds of each epoch: of its training, and with its evaluation."""

    def before_fit(self):
        self.train_seconds, self.epoch_seconds = [], []

    def before_epoch(self):
        self.start = time.perf_counter()

    def after_train(self):
        self.train_seconds.append(time.perf_counter() - self.start)

    def after_epoch(self):
        self.epoch_seconds.append(time.perf_counter() - self.start)


def main() -> None:
    args = arguments(__doc__, workers=WORKERS)
    set_seed(args.seed)
    loaders = ImageDataLoaders.from_folder(
        args.data,
        train="train",
        valid="val",
        item_tfms=Resize(args.size),
        batch_tfms=[*aug_transforms(), Normalize.from_stats(*imagenet_stats)],
        bs=args.batch_size,
        num_workers=args.workers,
        device=torch.device("cpu"),
    )
    learner = vision_learner(loaders, resnet18, pretrained=False, normalize=False, metrics=accuracy)
    if args.setting == "best":
        learner.add_cbs([ChannelsLast(), Bfloat16(args)])
    clock = Clock()
    learner.fit_one_cycle(args.epochs, cbs=clock)
    test = loaders.test_dl(get_image_files(args.data / "test"), with_labels=True)
    _, test_accuracy = learner.validate(dl=test)
    finish(
        args,
        learner.model,
        accuracy=float(test_accuracy),
        train_images=len(loaders.train_ds),
        train_seconds=clock.train_seconds,
        epoch_seconds=clock.epoch_seconds,
        versions={"fastai": fastai.__version__, "torchvision": torchvision.__version__, "Pillow": PIL.__version__},
    )


if __name__ == "__main__":
    main()
