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
        ("hflip", 1.5, r"augment.hflip: expected a probability from 0 to 1, got 1.5"),
        ("vflip", -0.1, r"augment.vflip: expected a probability from 0 to 1, got -0.1"),
        ("grey", float("nan"), r"augment.grey: expected a probability from 0 to 1, got nan"),
        ("erase", True, r"augment.erase: expected a probability from 0 to 1, got True"),
        ("rotate_deg", 181, r"augment.rotate_deg: expected degrees from 0 to 180, got 181"),
        (
            "translate",
            "0.1",
            r"augment.translate: expected a share of the image's side from 0 to 1, got '0.1'",
        ),
        ("shear_deg", 90, r"augment.shear_deg: expected degrees from 0 to below 90, got 90"),
        ("brightness", 2, r"augment.brightness: expected a relative change from 0 to 1, got 2"),
        ("contrast", None, r"augment.contrast: expected a relative change from 0 to 1, got None"),
        ("saturation", -1, r"augment.saturation: expected a relative change from 0 to 1, got -1"),
        ("hue_deg", 181, r"augment.hue_deg: expected degrees from 0 to 180, got 181"),
        ("blur_px", 17, r"augment.blur_px: expected pixels from 0 to 16, got 17"),
        ("noise", 1.5, r"augment.noise: expected a share of the range of values from 0 to 1, got 1.5"),
        ("operations", 15, r"augment.operations: expected a whole number from 0 to 14, got 15"),
        ("operations", 1.5, r"augment.operations: expected a whole number, got 1.5"),
        ("magnitude", (0, 1.1), r"augment.magnitude: expected two strengths .* got \(0, 1.1\)"),
        ("magnitude", (-0.1, 1), r"augment.magnitude: expected two strengths .* got \(-0.1, 1\)"),
        ("mixup", float("inf"), r"augment.mixup: expected an alpha of 0 or more \(0 is off\), got inf"),
        ("cutmix", -1, r"augment.cutmix: expected an alpha of 0 or more \(0 is off\), got -1"),
        ("scale", (0, 1), r"augment.scale: expected two magnifications .* 0 < low <= high, got \(0, 1\)"),
        ("scale", 1.2, r"augment.scale: expected two magnifications .* got 1.2"),
        ("crop_area", (0.5, 1.1), r"augment.crop_area: expected two shares .* high <= 1, got \(0.5, 1.1\)"),
        ("crop_ratio", (2, 1), r"augment.crop_ratio: expected two ratios width / height .* got \(2, 1\)"),
        (
            "crop_ratio",
            (1, 1, 1),
            r"augment.crop_ratio: expected two ratios width / height .* got \(1, 1, 1\)",
        ),
    ],
)
def test_a_value_out_of_range_names_its_field(field: str, value: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        AugmentSettings(**{field: value})


def test_settings_import_no_torch() -> None:
    code = "import sys, foveal.augment; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
