import json
import subprocess
import sys
from dataclasses import asdict

import pytest

from foveal.augment import AugmentSettings
from foveal.errors import UsageError


def test_everything_is_off_by_default() -> None:
    assert AugmentSettings().is_identity


@pytest.mark.parametrize(
    "changed",
    [
        {"hflip": 0.5},
        {"vflip": 0.5},
        {"rotate_deg": 5},
        {"translate": 0.1},
        {"scale": (0.9, 1.0)},
        {"shear_deg": 5},
        {"crop_area": (0.5, 1.0)},
        {"brightness": 0.1},
        {"contrast": 0.1},
        {"saturation": 0.1},
        {"grey": 0.1},
        {"erase": 0.1},
        {"hue_deg": 5},
        {"blur_px": 1.0},
        {"noise": 0.1},
        {"operations": 1},
        {"mixup": 0.2},
        {"cutmix": 1.0},
    ],
)
def test_any_field_makes_a_change(changed: dict) -> None:
    assert not AugmentSettings(**changed).is_identity


def test_a_crop_ratio_alone_changes_nothing() -> None:
    assert AugmentSettings(crop_ratio=(1.0, 1.0)).is_identity
    assert AugmentSettings(magnitude=(0.5, 0.5)).is_identity
    assert not AugmentSettings(magnitude=(0.5, 0.5), operations=2).is_identity


def test_settings_survive_json() -> None:
    settings = AugmentSettings(hflip=0.5, scale=(0.8, 1.25), crop_area=(0.08, 1.0), mixup=0.2)
    assert AugmentSettings(**json.loads(json.dumps(asdict(settings)))) == settings


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("hflip", 1.5, "--hflip 1.5: expected 0 to 1"),
        ("vflip", -0.1, "--vflip -0.1: expected 0 to 1"),
        ("grey", float("nan"), "--grey nan: expected 0 to 1"),
        ("erase", True, "--erase True: expected 0 to 1"),
        ("rotate_deg", 181, "--rotate-deg 181: expected 0 to 180 degrees"),
        (
            "translate",
            "0.1",
            "--translate 0.1: expected 0 to 1",
        ),
        ("shear_deg", 90, "--shear-deg 90: expected 0 to below 90 degrees"),
        ("brightness", 2, "--brightness 2: expected 0 to 1"),
        ("contrast", None, "--contrast None: expected 0 to 1"),
        ("saturation", -1, "--saturation -1: expected 0 to 1"),
        ("hue_deg", 181, "--hue-deg 181: expected 0 to 180 degrees"),
        ("blur_px", 17, "--blur-px 17: expected 0 to 16 pixels"),
        ("noise", 1.5, "--noise 1.5: expected 0 to 1"),
        ("operations", 15, r"--operations 15: expected 0 to 14"),
        ("operations", 1.5, r"--operations 1.5: expected a whole number"),
        ("magnitude", (0, 1.1), r"--magnitude \(0, 1.1\): expected two strengths"),
        ("magnitude", (-0.1, 1), r"--magnitude \(-0.1, 1\): expected two strengths"),
        ("mixup", float("inf"), "--mixup inf: expected 0 or more"),
        ("cutmix", -1, "--cutmix -1: expected 0 or more"),
        ("scale", (0, 1), r"--scale \(0, 1\): expected two magnifications .* 0 < low <= high"),
        ("scale", 1.2, r"--scale 1.2: expected two magnifications"),
        ("crop_area", (0.5, 1.1), r"--crop-area \(0.5, 1.1\): expected two shares .* high <= 1"),
        ("crop_ratio", (2, 1), r"--crop-ratio \(2, 1\): expected two ratios width / height"),
        (
            "crop_ratio",
            (1, 1, 1),
            r"--crop-ratio \(1, 1, 1\): expected two ratios width / height",
        ),
    ],
)
def test_a_value_out_of_range_names_its_field(field: str, value: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        AugmentSettings(**{field: value})


def test_settings_import_no_torch() -> None:
    code = "import sys, foveal.augment; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
