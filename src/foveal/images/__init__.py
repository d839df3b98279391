"""From a file, bytes, an array or a PIL image to uint8 pixels: the one decode policy for every way in."""

from foveal.images.decode import MAX_PIXELS, Header, decode, decode_sized, read_bytes, read_header
from foveal.images.formats import IMAGE_SUFFIXES
from foveal.images.resize import resize

__all__ = ["IMAGE_SUFFIXES", "MAX_PIXELS", "Header", "decode", "decode_sized", "read_bytes", "read_header", "resize"]
