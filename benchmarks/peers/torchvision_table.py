"""Writes the table against which tests hold our networks: torchvision's names and shapes, and logits of made weights.

    PYTHON benchmarks/peers/torchvision_table.py tests/weights/torchvision.json

Logits are computed in float64, so that they are torchvision's and no processor's. Run it where torchvision imports: in
the peers' environment.
"""

import json
import sys
from pathlib import Path

import torch
import torchvision
from made_weights import made_images, made_state

GAINS = {
    **dict.fromkeys(("resnet18", "resnet34", "resnet50"), 1.0),
    **dict.fromkeys(("resnet101", "resnet152"), 0.7),
    **{f"vgg{depth}{norm}": 2.0 for depth in (11, 13, 16, 19) for norm in ("", "_bn")},
    "alexnet": 2.0,
}
SHOWN = 8  # of the 1,000 logits of each image


def row(name: str, gain: float) -> dict[str, object]:
    """What the table says of one network."""
    network = getattr(torchvision.models, name)(weights=None).eval()
    shapes = {key: list(value.shape) for key, value in network.state_dict().items() if value.is_floating_point()}
    network.load_state_dict(made_state(shapes, gain=gain), strict=False)
    with torch.inference_mode():
        logits = network.double()(made_images().double())
    shown = [[round(value, 7) for value in image] for image in logits[:, :SHOWN].tolist()]
    return {"gain": gain, "shapes": shapes, "logits": shown}


def main() -> None:
    rows = {}
    for name, gain in GAINS.items():
        rows[name] = row(name, gain)
        print(name, rows[name]["logits"], flush=True)
    versions = {"torch": torch.__version__, "torchvision": torchvision.__version__}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in rows.items())
    text = f'{{"versions": {json.dumps(versions)}, "networks": {{\n{lines}\n}}}}\n'
    Path(sys.argv[1]).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
