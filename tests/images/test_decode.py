"""One decode policy: formats, modes, orientation, depth and failures, against Pillow or NumPy."""

import contextlib
import io
import os
import pickle
import struct
import sys
import time
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps, PngImagePlugin

from foveal.errors import ImageError
from foveal.images import IMAGE_SUFFIXES, MAX_PIXELS, Header, decode, decode_sized, read_bytes, read_header

HEIGHT, WIDTH = 37, 53


def photo(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """(H, W, 3), smooth and without any symmetry."""
    y, x = np.mgrid[:height, :width]
    red, green, blue = 255 * y / height, 255 * x / width, 127 + 100 * np.sin(x / 7 + y / 13)
    return np.stack([red, green, blue], axis=2).astype(np.uint8)


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format=format, **options)
    return file.getvalue()


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *extra: bytes) -> bytes:
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    body = png_chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + body + png_chunk(b"IEND", b"")


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "PPM", "GIF"])
def test_lossless_formats_give_the_pixels_back(format: str) -> None:
    few_colours = photo() // 64 * 64
    few_colours[..., 2] = 64
    found = decode(saved(Image.fromarray(few_colours), format))
    np.testing.assert_array_equal(found, few_colours)


@pytest.mark.parametrize(("format", "options"), [("JPEG", {"quality": 95}), ("WEBP", {"lossless": True})])
def test_other_formats_are_what_pillow_decodes(format: str, options: dict[str, object]) -> None:
    data = saved(Image.fromarray(photo()), format, **options)
    np.testing.assert_array_equal(decode(data), np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))


def test_result_is_uint8_contiguous_and_writable() -> None:
    for source in (saved(Image.fromarray(photo()), "PNG"), Image.fromarray(photo()), photo()[:, ::-1]):
        found = decode(source)
        assert found.dtype == np.uint8
        assert found.shape == (HEIGHT, WIDTH, 3)
        assert found.flags.c_contiguous
        assert found.flags.writeable


def test_file_path_and_string_and_bytes_agree(tmp_path: Path) -> None:
    file = tmp_path / "a photo ü.jpg"
    file.write_bytes(saved(Image.fromarray(photo()), "JPEG"))
    expected = decode(file.read_bytes())
    np.testing.assert_array_equal(decode(file), expected)
    np.testing.assert_array_equal(decode(str(file)), expected)


def test_the_bytes_and_not_the_name_say_the_format(tmp_path: Path) -> None:
    file = tmp_path / "really-a-png.jpg"
    file.write_bytes(saved(Image.fromarray(photo()), "PNG"))
    np.testing.assert_array_equal(decode(file), photo())


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I;16"])
def test_grey_stays_one_channel(mode: str) -> None:
    format = "PNG"
    image = Image.fromarray(photo()[..., 0].astype(np.uint16)) if mode == "I;16" else None
    image = image or Image.fromarray(photo()).convert(mode)
    assert decode(saved(image, format)).shape == (HEIGHT, WIDTH, 1)


def test_grey_with_alpha_is_composited_over_white() -> None:
    grey, alpha = photo()[..., 0], photo()[..., 1]
    found = decode(saved(Image.merge("LA", [Image.fromarray(grey), Image.fromarray(alpha)]), "PNG"))
    a = alpha / 255.0
    np.testing.assert_allclose(found[..., 0], grey * a + 255 * (1 - a), atol=0.51)


def test_colour_with_alpha_is_composited_over_white() -> None:
    rgba = np.dstack([photo(), photo()[::-1, :, 0]])
    found = decode(saved(Image.fromarray(rgba), "PNG"))
    a = rgba[..., 3:] / 255.0
    np.testing.assert_allclose(found, rgba[..., :3] * a + 255 * (1 - a), atol=0.51)


def test_palette_with_transparency_is_composited_over_white() -> None:
    indices = np.zeros((HEIGHT, WIDTH), np.uint8)
    indices[5:9, 3:20] = 1
    indices[20:, 30:] = 2
    image = Image.fromarray(indices).convert("P")
    image.putpalette([10, 20, 30, 200, 0, 0, 0, 0, 100])
    found = decode(saved(image, "PNG", transparency=bytes([255, 0, 128])))
    assert found[0, 0].tolist() == [10, 20, 30]
    assert found[5, 3].tolist() == [255, 255, 255]
    np.testing.assert_allclose(found[-1, -1], [127, 127, 177], atol=1)
    assert decode(saved(image, "PNG", transparency=1))[6, 4].tolist() == [255, 255, 255]


@pytest.mark.parametrize(("depth", "key", "step"), [(2, 1, 85), (4, 3, 17), (8, 7, 1), (16, 300, 1)])
def test_transparent_grey_value_is_white_at_every_depth(depth: int, key: int, step: int) -> None:
    stored = {2: bytes([0b00_01_10_11]), 4: bytes([0x03, 0x7F]), 8: bytes([0, 7, 9, 255])}
    row = stored.get(depth, struct.pack(">4H", 0, 300, 301, 65535))
    data = png(4, 1, depth, 0, b"\0" + row, png_chunk(b"tRNS", struct.pack(">H", key)))
    expected = {2: [0, 255, 170, 255], 4: [0, 255, 119, 255], 8: [0, 255, 9, 255], 16: [0, 255, 1, 255]}
    assert decode(data)[0, :, 0].tolist() == expected[depth], step


@pytest.mark.parametrize("depth", [8, 16])
def test_transparent_colour_is_white(depth: int) -> None:
    format, scale = (">6B", 1) if depth == 8 else (">6H", 257)
    row = b"\0" + struct.pack(format, *(scale * v for v in (10, 20, 30, 10, 20, 31)))
    key = png_chunk(b"tRNS", struct.pack(">3H", *(scale * v for v in (10, 20, 30))))
    assert decode(png(2, 1, depth, 2, row, key))[0].tolist() == [[255, 255, 255], [10, 20, 31]]


def test_gif_gives_its_first_frame() -> None:
    frames = [Image.new("RGB", (WIDTH, HEIGHT), colour) for colour in ("red", "lime")]
    found = decode(saved(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert found.shape == (HEIGHT, WIDTH, 3)
    assert found[3, 3].tolist() == [255, 0, 0]


def test_cmyk_jpeg_is_rgb() -> None:
    cmyk = Image.new("CMYK", (WIDTH, HEIGHT), (0, 255, 255, 0))
    found = decode(saved(cmyk, "JPEG", quality=95))
    assert found.shape == (HEIGHT, WIDTH, 3)
    np.testing.assert_allclose(found[10, 10], [255, 0, 0], atol=4)


def test_lab_tiff_is_rgb() -> None:
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = ImageCms.applyTransform(Image.fromarray(photo()), to_lab)
    assert lab is not None
    difference = decode(saved(lab, "TIFF")).astype(int) - photo()
    assert np.abs(difference).mean() < 3


@pytest.mark.parametrize("format", ["PNG", "TIFF", "PPM"])
def test_16_bit_mid_grey_stays_mid_grey(format: str) -> None:
    values = np.full((HEIGHT, WIDTH), 32768, np.uint16)
    values[0, :4] = 0, 128, 129, 65535
    found = decode(saved(Image.fromarray(values), format))
    assert found.shape == (HEIGHT, WIDTH, 1)
    assert found[0, :4, 0].tolist() == [0, 0, 1, 255]
    assert (found[1:] == 128).all()


@pytest.mark.parametrize("format", ["PNG", "TIFF", "PPM"])
def test_16_bit_greys_can_be_kept_whole(format: str) -> None:
    values = np.random.default_rng(0).integers(0, 65536, (HEIGHT, WIDTH)).astype(np.uint16)
    for depth in ("uint16", None):
        found = decode(saved(Image.fromarray(values), format), depth=depth)
        assert found.dtype == np.uint16
        np.testing.assert_array_equal(found[..., 0], values)


def test_8_bits_become_16_where_they_are_wanted_and_stay_8_where_nothing_is() -> None:
    data = saved(Image.fromarray(photo()), "PNG")
    wide = decode(data, depth="uint16")
    assert wide.dtype == np.uint16
    np.testing.assert_array_equal(wide, photo().astype(np.uint16) * 257)
    assert decode(data, depth=None).dtype == np.uint8
    assert decode(photo() / np.float32(255), depth=None).dtype == np.uint8
    assert decode(np.full((2, 3), 0.5), depth="uint16").tolist() == [[[32768]] * 3] * 2
    assert decode(np.array([[True, False]]), depth="uint16")[0, :, 0].tolist() == [65535, 0]
    sixteen = np.arange(60000, 60012, dtype=np.uint16).reshape(2, 3, 2)
    np.testing.assert_array_equal(decode(sixteen, depth=None), sixteen)


def test_16_bit_big_endian_tiff() -> None:
    values = np.full((HEIGHT, WIDTH), 32768, ">u2")
    little = bytearray(saved(Image.fromarray(values.astype("<u2")), "TIFF"))
    big = Image.frombytes("I;16B", (WIDTH, HEIGHT), values.tobytes())
    assert (decode(big) == decode(bytes(little))).all()
    assert (decode(big) == 128).all()


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (6, 3), (4, 1)])
def test_16_bit_png_of_every_colour_type(colour: int, channels: int) -> None:
    pixel = {2: (32768, 65535, 0), 6: (32768, 65535, 0, 65535), 4: (32768, 65535)}[colour]
    found = decode(png(2, 1, 16, colour, b"\0" + struct.pack(f">{len(pixel)}H", *pixel) * 2))
    assert found.shape == (1, 2, channels)
    assert found[0, 0].tolist() == {3: [128, 255, 0], 1: [128]}[channels]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"P1\n3 2\n0 1 0\n1 0 1\n", [[255, 0, 255], [0, 255, 0]]),
        (b"P2\n# remark\n3 2\n255\n0 1 2\n3 4 255\n", [[0, 1, 2], [3, 4, 255]]),
        (b"P4\n3 2\n\x40\xa0", [[255, 0, 255], [0, 255, 0]]),
        (b"P5\n3 2\n255\n" + bytes([0, 1, 2, 3, 4, 255]), [[0, 1, 2], [3, 4, 255]]),
        (b"P5\n3 2\n1023\n" + struct.pack(">6H", 0, 512, 1023, 4, 2, 0), [[0, 128, 255], [1, 0, 0]]),
        (b"P5\n3 2\n65535\n" + struct.pack(">6H", 0, 32768, 65535, 257, 514, 0), [[0, 128, 255], [1, 2, 0]]),
    ],
)
def test_pnm(data: bytes, expected: list[list[int]]) -> None:
    assert decode(data)[..., 0].tolist() == expected


@pytest.mark.parametrize(("kind", "maximum"), [(b"P5", 100), (b"P5", 1023), (b"P6", 7), (b"P6", 65535)])
def test_pnm_of_any_white_is_what_pillow_decodes(kind: bytes, maximum: int) -> None:
    channels = 1 if kind == b"P5" else 3
    dtype = ">u2" if maximum > 255 else "u1"
    values = np.random.default_rng(0).integers(0, maximum + 1, (HEIGHT, WIDTH, channels)).astype(dtype)
    data = kind + b"\n# remark\n%d %d\n%d\n" % (WIDTH, HEIGHT, maximum) + values.tobytes()
    found = decode(data)
    np.testing.assert_allclose(found, values / maximum * 255, atol=0.501)
    np.testing.assert_allclose(decode(data, depth="uint16"), values / maximum * 65535, atol=0.501)
    pillow = np.asarray(Image.open(io.BytesIO(data)), float).reshape(found.shape)
    np.testing.assert_allclose(found, pillow / (257 if kind == b"P5" and maximum > 255 else 1), atol=1)
    with pytest.raises(ImageError, match="broken or truncated PPM"):
        decode(data[:-1])


def test_16_bit_ppm() -> None:
    data = b"P6\n1 2\n65535\n" + struct.pack(">6H", 0, 32768, 65535, 65535, 0, 32768)
    assert decode(data).tolist() == [[[0, 128, 255]], [[255, 0, 128]]]


def test_float_tiff_in_unit_range_and_beyond() -> None:
    values = np.linspace(0, 1, HEIGHT * WIDTH, dtype=np.float32).reshape(HEIGHT, WIDTH)
    found = decode(saved(Image.fromarray(values), "TIFF"))
    np.testing.assert_array_equal(found[..., 0], np.rint(values * 255))
    with pytest.raises(ImageError, match=r"x\.tif: a float image has to lie in \[0, 1\], got values from 0 to 2"):
        decode(saved(Image.fromarray(values * 2), "TIFF"), name="x.tif")


def test_32_bit_integers_have_no_known_white() -> None:
    values = np.full((HEIGHT, WIDTH), 70000, np.int32)
    with pytest.raises(ImageError, match="holds 32-bit or signed integers, whose white is not known"):
        decode(saved(Image.fromarray(values), "TIFF"))
    with pytest.raises(ImageError, match="holds integers from 70000 to 70000"):
        decode(Image.fromarray(values))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation(format: str, orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, object] = {"lossless": True} if format == "WEBP" else {}
    data = saved(Image.fromarray(photo()), format, exif=exif, **options)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    size_hw = (WIDTH, HEIGHT) if orientation >= 5 else (HEIGHT, WIDTH)
    assert upright.shape[:2] == size_hw
    for source in (data, Image.open(io.BytesIO(data))):
        found, found_hw = decode_sized(source)
        np.testing.assert_array_equal(found, upright)
        assert found_hw == size_hw
    (tmp_path / "x").write_bytes(data)
    assert read_header(tmp_path / "x") == Header(size_hw, orientation >= 5)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_orientation_in_xmp(format: str, tmp_path: Path) -> None:
    block = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a xmlns:tiff="t" tiff:Orientation="6"/></x:xmpmeta>'
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", block.decode())
    options: dict[str, dict[str, object]] = {"PNG": {"pnginfo": text}, "TIFF": {"tiffinfo": {700: block}}}
    file = tmp_path / "x"
    file.write_bytes(saved(Image.fromarray(photo()), format, **options.get(format, {"xmp": block})))
    assert decode(file).shape[:2] == decode_sized(file)[1] == (WIDTH, HEIGHT)
    assert read_header(file) == Header((WIDTH, HEIGHT), True)


def test_a_header_is_read_without_the_pixels_behind_it(tmp_path: Path) -> None:
    text = png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x/>")
    (tmp_path / "x").write_bytes(png(40_000, 30_000, 8, 2, b"", text))
    assert read_header(tmp_path / "x").size_hw == (30_000, 40_000)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=80), st.sampled_from([b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"]))
def test_a_broken_exif_block_never_fails_a_good_image(block: bytes, start: bytes) -> None:
    image = Image.fromarray(photo(9, 14))
    plain = saved(image, "JPEG")
    data = saved(image, "JPEG", exif=b"Exif\0\0" + start + block)
    assert sorted(decode(data).shape) == sorted(decode(plain).shape)
    png_data = saved(image, "PNG")
    with_exif = png_data[:33] + png_chunk(b"eXIf", start + block) + png_data[33:]
    assert decode(with_exif).size == image.width * image.height * 3


def test_a_malformed_index_of_further_pictures_never_fails_a_good_jpeg() -> None:
    data = saved(Image.fromarray(photo()), "JPEG")
    block = b"MPF\0" + b"II*\0\x08\0\0\0\xff\xff"
    broken = data[:2] + b"\xff\xe2" + struct.pack(">H", len(block) + 2) + block + data[2:]
    np.testing.assert_array_equal(decode(broken), decode(data))


@pytest.mark.parametrize(("min_hw", "expected"), [((100, 150), (100, 150)), ((101, 150), (200, 300))])
def test_jpeg_is_decoded_smaller_but_never_below_min_hw(min_hw: tuple[int, int], expected: tuple[int, int]) -> None:
    data = saved(Image.fromarray(photo(400, 600)), "JPEG", quality=95)
    found = decode(data, min_hw=min_hw)
    assert found.shape[:2] == expected
    np.testing.assert_array_equal(found, decode(data, min_hw=min_hw))
    reference = np.asarray(Image.fromarray(photo(400, 600)).reduce(600 // expected[1]), float)
    assert np.abs(found - reference).mean() < 3


def test_min_hw_is_meant_for_the_upright_image() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(Image.fromarray(photo(400, 1600)), "JPEG", exif=exif)
    found, size_hw = decode_sized(data, min_hw=(800, 150))
    assert (found.shape[:2], size_hw) == ((800, 200), (1600, 400))
    assert decode(data, min_hw=(150, 300)).shape[:2] == (1600, 400)


def test_min_hw_leaves_other_formats_alone() -> None:
    assert decode(saved(Image.fromarray(photo()), "PNG"), min_hw=(4, 4)).shape[:2] == (HEIGHT, WIDTH)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 16])
def test_arrays_keep_their_channels(channels: int) -> None:
    image = np.zeros((HEIGHT, WIDTH, channels), np.uint8)
    assert decode(image).shape == (HEIGHT, WIDTH, channels)


def test_array_dtypes() -> None:
    assert decode(np.array([[True, False, True]]))[0, :, 0].tolist() == [255, 0, 255]
    assert decode(np.array([[0, 128, 129, 65535]], np.uint16))[0, :, 0].tolist() == [0, 0, 1, 255]
    for dtype in (np.float16, np.float32, np.float64):
        assert decode(np.array([[0, 0.25, 0.501, 1]], dtype))[0, :, 0].tolist() == [0, 64, 128, 255]


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((3, 4, 17), np.uint8), r"with 1 to 16 channels, got \(3, 4, 17\); if this is \(C, H, W\)"),
        (np.zeros(5, np.uint8), r"expected \(H, W\) or \(H, W, C\).*got \(5,\)"),
        (np.zeros((0, 4), np.uint8), r"has no pixels: shape \(0, 4\)"),
        (np.zeros((3, 4), np.int64), "expected bool, uint8, uint16 or float in .*, got dtype int64"),
        (np.array([[0.5, np.nan]]), "got NaN"),
        (np.array([[-0.5, 0.5]]), "got values from -0.5 to 0.5"),
        (np.array([[0.0, 255.0]]), "got values from 0 to 255"),
    ],
)
def test_arrays_without_a_rule_are_errors(image: np.ndarray, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        decode(image, name="images[17]")
    assert caught.value.path == "images[17]"


def test_empty_file_text_and_foreign_formats(tmp_path: Path) -> None:
    cases = {
        "empty.png": (b"", r"is empty \(0 bytes\)"),
        "text.png": (b"hello, I am text", "is no image: it begins with b'hello, I am '.*JPEG, PNG"),
        "phone.jpg": (b"\0\0\0\x18ftypheic\0\0\0\0", "is a HEIC image; JPEG"),
        "page.jpg": (b"<!DOCTYPE html>", "is a web page"),
        "pointer.jpg": (b"version https://git-lfs.github.com/spec/v1", "is a Git LFS pointer"),
        "vector.png": (b"%!PS-Adobe-3.0 EPSF", "is no image"),
    }
    for name, (data, message) in cases.items():
        file = tmp_path / name
        file.write_bytes(data)
        with pytest.raises(ImageError, match=message) as caught:
            decode(file)
        assert caught.value.path == file
        assert str(file) not in caught.value.reason


def test_missing_file_folder_and_odd_paths(tmp_path: Path) -> None:
    (tmp_path / "x.png").mkdir()
    with pytest.raises(ImageError, match="is a folder, not an image file"):
        decode(tmp_path / "x.png")
    with pytest.raises(ImageError, match="no such file"):
        decode(tmp_path / "missing.png")
    with pytest.raises(ImageError, match=r"can't be read|no such file"):
        read_bytes("null\0character.png")


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes in folders there")
def test_a_pipe_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageError, match="is no regular file"):
        decode(tmp_path / "pipe.png")


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"])
@pytest.mark.parametrize("kept", [0.3, 0.7])
def test_truncated_files_are_errors(format: str, kept: float) -> None:
    data = saved(Image.fromarray(photo(200, 300)), format)
    with pytest.raises(ImageError, match="cut: broken"):
        decode(data[: int(len(data) * kept)], name="cut")


def test_a_pixel_bomb_is_refused_by_its_header() -> None:
    started = time.monotonic()
    with pytest.raises(ImageError, match=r"bomb: 50000×50000 is 2,500,000,000 pixels; at most 50,000,000"):
        decode(png(50_000, 50_000, 8, 2, bytes(1000)), name="bomb")
    with pytest.raises(ImageError, match="at most 1,000 are decoded"):
        decode(saved(Image.fromarray(photo()), "PNG"), max_pixels=1000)
    with pytest.raises(ImageError, match=r"raise PIL\.Image\.MAX_IMAGE_PIXELS too"):
        decode(png(10_000, 10_000, 8, 2, bytes(1000)), max_pixels=200_000_000)
    assert time.monotonic() - started < 1
    assert MAX_PIXELS == 50_000_000


def test_compressed_text_bombs_are_errors() -> None:
    bomb = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(50_000_000)))
    with pytest.raises(ImageError, match="Decompressed data too large"):
        decode(png(1, 1, 8, 0, b"\0\0", bomb))


def test_names_and_pickling_of_errors() -> None:
    with pytest.raises(ImageError, match=r"^cats/17\.jpg: is empty") as caught:
        decode(b"", name="cats/17.jpg")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_metadata_warnings_never_reach_the_user() -> None:
    data = saved(Image.fromarray(photo()), "TIFF")
    ifd = struct.unpack("<I", data[4:8])[0]
    tag = bytearray(data)
    tag[ifd + 2 + 4 : ifd + 2 + 8] = struct.pack("<I", 2**30)  # the first tag claims a billion values
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(ImageError):
            decode(bytes(tag))
    assert caught == []


def test_decoding_an_image_of_the_user_leaves_it_as_it_was() -> None:
    image = Image.open(io.BytesIO(saved(Image.fromarray(photo(400, 600)), "JPEG")))
    decode(image, min_hw=(10, 10))
    assert image.size == (600, 400)


def test_many_threads_decode_the_same_pixels() -> None:
    sources = [saved(Image.fromarray(photo(90 + i, 120)), f) for i in range(8) for f in ("JPEG", "PNG", "TIFF")]
    expected = [decode(source) for source in sources]
    with ThreadPoolExecutor(8) as pool:
        for found, wanted in zip(pool.map(decode, sources * 4), expected * 4, strict=True):
            np.testing.assert_array_equal(found, wanted)


def test_suffixes_are_lower_case_with_a_dot() -> None:
    assert {".jpg", ".jpeg", ".png", ".pgm", ".tif"} <= IMAGE_SUFFIXES
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in IMAGE_SUFFIXES)


SEEDS = [saved(Image.fromarray(photo(6, 9)), format) for format in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=8))
def test_damaged_bytes_give_pixels_or_an_image_error(data: bytes, changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(data)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    with contextlib.suppress(ImageError):
        assert decode(bytes(damaged), max_pixels=1_000_000).dtype == np.uint8


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([seed[:n] for seed in SEEDS for n in (0, 4, 12, 26)]), st.binary(max_size=200))
def test_random_bytes_give_pixels_or_an_image_error(start: bytes, rest: bytes) -> None:
    with contextlib.suppress(ImageError):
        assert decode(start + rest, max_pixels=1_000_000).ndim == 3


def test_files_made_by_fuzzers(real_data: Callable[[str], Path]) -> None:
    files = sorted(file for file in real_data("broken-images").rglob("*") if file.is_file())
    assert len(files) == 1284
    before, decoded, slowest = peak_memory_bytes(), 0, 0.0
    for file in files:
        started = time.monotonic()
        with contextlib.suppress(ImageError):
            decoded += decode(file).size > 0
        slowest = max(slowest, time.monotonic() - started)
    assert 0.15 < decoded / len(files) < 0.3
    assert slowest < 5
    assert peak_memory_bytes() - before < 500e6


def peak_memory_bytes() -> int:
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
