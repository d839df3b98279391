"""The image formats that are read, recognised by a file's first bytes and never by its name."""

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff"}
    | {".pbm", ".pgm", ".ppm", ".pnm"}
)
"""Names with these suffixes (in any letter case) count as images when a folder is read."""

READABLE = "JPEG, PNG, WebP, GIF, BMP, TIFF, PBM, PGM and PPM are read"

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),  # BigTIFF
    (b"MM\0+", "TIFF"),
)

# What people do hand in, so that the message can name it: (offset, bytes, name).
_FOREIGN: tuple[tuple[int, bytes, str], ...] = (
    (4, b"ftypavif", "an AVIF image"),
    (4, b"ftyphei", "a HEIC image"),
    (4, b"ftypmif1", "a HEIC image"),
    (4, b"ftyp", "a video"),
    (0, b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 image"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (0, b"\xff\x0a", "a JPEG XL image"),
    (0, b"\x00\x00\x00\x0cJXL ", "a JPEG XL image"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a zip archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (128, b"DICM", "a DICOM file"),
    (0, b"<svg", "an SVG drawing"),
    (0, b"<?xml", "an XML file"),
    (0, b"<!DOCTYPE", "a web page"),
    (0, b"<html", "a web page"),
    (0, b"version https://git-lfs", "a Git LFS pointer, not the image itself (run `git lfs pull`)"),
)


def sniff(data: bytes) -> str | None:
    """Pillow's name of the format that `data` begins as, or None where it is none of those read."""
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[:1] == b"P" and data[1:2] in (b"1", b"2", b"3", b"4", b"5", b"6") and data[2:3].isspace():
        return "PPM"
    return None


def describe(data: bytes) -> str:
    """What `data` is instead of an image that is read, in words that finish the sentence 'it is …'."""
    if not data:
        return "empty (0 bytes)"
    for offset, signature, name in _FOREIGN:
        if data[offset : offset + len(signature)] == signature:
            return name
    return f"no image: it begins with {data[:12]!r}"
