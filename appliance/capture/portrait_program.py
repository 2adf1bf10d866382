"""The child that draws a chip's photo: an encoded image on standard input, a plain JPEG on standard output.

Started by `portrait`, by path and with `-I`: it imports nothing of ours, so it starts fast and holds no citizen but
this one. Its limits are the kernel's and are set before a byte of the image is read; whatever happens to it afterwards
(a fault in a decoder, no memory, no time) is its own end and nobody else's.
"""

from __future__ import annotations

import io
import os
import resource
import sys
import warnings

MAX_IMAGE_BYTES = 128 * 1024
"""No data group 2 may weigh more."""
MAX_PIXELS = 4_000_000
MAX_MEMORY_BYTES = 512 * 1024 * 1024
"""Of address space; four million pixels in OpenJPEG's 32-bit planes are a tenth of it, Python and Pillow a third."""
MAX_CPU_S = 4
MAX_OUTPUT_BYTES = 4 * 1024 * 1024
_QUALITY = 88

DRAWN, REFUSED = 0, 3


def confine() -> None:
    """No more memory, time, files or bytes of output than a photo needs; no core dump with a face in it."""
    for what, most in (
        (resource.RLIMIT_AS, MAX_MEMORY_BYTES),
        (resource.RLIMIT_CPU, MAX_CPU_S),
        (resource.RLIMIT_FSIZE, MAX_OUTPUT_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def draw(image: bytes) -> bytes:
    """JPEG of the same size; nothing of the original but its pixels (no comment, no profile, no Exif).

    Raises:
        Exception: whatever the decoders raise; the caller is a process that ends.
    """
    from PIL import Image, Jpeg2KImagePlugin, JpegImagePlugin

    # the two plugins by name: `Image.open` would offer the bytes to every format it knows
    plugin = (
        JpegImagePlugin.JpegImageFile
        if image.startswith(b"\xff\xd8\xff")
        else Jpeg2KImagePlugin.Jpeg2KImageFile
    )
    with plugin(io.BytesIO(image)) as picture:
        if not 0 < picture.width * picture.height <= MAX_PIXELS:
            raise ValueError("more pixels than a portrait has")
        plain = Image.new("RGB", picture.size)
        plain.paste(picture.convert("RGB"))
    out = io.BytesIO()
    plain.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def main() -> int:
    """Exit status: `DRAWN` or `REFUSED`; a signal when a limit was met. Never a traceback: it could quote the image."""
    confine()
    warnings.simplefilter("error")
    image = sys.stdin.buffer.read(MAX_IMAGE_BYTES + 1)
    if not image or len(image) > MAX_IMAGE_BYTES:
        return REFUSED
    try:
        sys.stdout.buffer.write(draw(image))
        sys.stdout.buffer.flush()
    except Exception:  # noqa: BLE001 - decoders complain in every way there is; the answer to all is the same
        return REFUSED
    return DRAWN


if __name__ == "__main__":
    os._exit(main())  # at once: nothing of the decoders' tidying up runs on what a hostile image left behind
