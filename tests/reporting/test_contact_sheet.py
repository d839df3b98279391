import numpy as np

from foveal.reporting.contact_sheet import GAP, LINE, Row, contact_sheet


def test_pictures_stand_in_their_rows_pixel_by_pixel() -> None:
    random = np.random.default_rng(0)
    wide = [random.integers(0, 256, (120, 200, 3), dtype=np.uint8) for _ in range(2)]
    small = [random.integers(0, 256, (10, 28, 1), dtype=np.uint8) for _ in range(2)]
    rows = [Row(title="a", pictures=wide, words=["one", ""]), Row(title="b", pictures=small, words=["", ""])]
    sheet = contact_sheet(rows)
    assert sheet.shape == (2 * (2 * LINE + GAP) + 120 + 40, GAP + 2 * (200 + GAP), 3)
    for column, picture in enumerate(wide):
        left = GAP + column * (200 + GAP)
        assert np.array_equal(sheet[2 * LINE : 2 * LINE + 120, left : left + 200], picture)
    top = 4 * LINE + GAP + 120
    enlarged = small[1].repeat(4, axis=0).repeat(4, axis=1).repeat(3, axis=2)
    assert np.array_equal(sheet[top : top + 40, 2 * GAP + 112 : 2 * GAP + 224], enlarged)
    assert (sheet[:LINE] < 128).any()  # the title
    assert (sheet[LINE : 2 * LINE, 2 * GAP + 200 :] == 255).all()  # no words
