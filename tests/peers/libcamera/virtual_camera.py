"""picamera2 as it is, on a machine without cameras: buffers in plain memory, and no raw pictures.

Runs inside the root of `root.py`. Only what the kernel of a Raspberry Pi would give is replaced: memory that hardware can reach,
and the list of a sensor's modes.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os

import libcamera
import picamera2.picamera2
from picamera2 import Picamera2
from picamera2.allocators.allocator import Allocator

# The CI machines, like a box, have no /dev/dma_heap.
memory_is_short = 0
"""So many of the next allocations fail as the kernel's do when contiguous memory has run out."""


class MemoryAllocator(Allocator):
    """NV12 buffers in anonymous files, two planes in each, as the virtual pipeline wants them."""

    def __init__(self):
        super().__init__()
        self.mapped_buffers = {}
        self._of_stream = {}
        self._files = []
        self.sync = lambda allocator, buffer, write: contextlib.nullcontext(allocator.mapped_buffers[buffer])

    def allocate(self, libcamera_config, use_case=None):
        global memory_is_short  # noqa: PLW0603 - what a machine has is shared by all who ask for it
        if memory_is_short:
            memory_is_short -= 1
            raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
        self._of_stream = {}  # what was mapped stays mapped until the end: a request may still be held
        for stream in libcamera_config:
            self._of_stream[stream.stream] = [self._buffer(stream) for _ in range(stream.buffer_count)]

    def _buffer(self, stream):
        bright = stream.stride * stream.size.height
        file = os.memfd_create("frame")
        self._files.append(file)
        os.ftruncate(file, bright * 3 // 2)
        planes = [libcamera.FrameBuffer.Plane(), libcamera.FrameBuffer.Plane()]
        for plane, offset, length in zip(planes, (0, bright), (bright, bright // 2), strict=True):
            plane.fd, plane.offset, plane.length = file, offset, length
        buffer = libcamera.FrameBuffer(planes)
        self.mapped_buffers[buffer] = mmap.mmap(file, bright * 3 // 2)
        return buffer

    def buffers(self, stream):
        return self._of_stream[stream]

    def close(self):
        for memory in self.mapped_buffers.values():
            with contextlib.suppress(BufferError):
                memory.close()
        for file in self._files:
            os.close(file)
        self._of_stream, self.mapped_buffers, self._files = {}, {}, []

    def __del__(self):
        self.close()


class VirtualPicamera2(Picamera2):
    """Asks for a live picture's formats where the original asks for a sensor's."""

    def _get_raw_modes(self):
        shown = self.camera.generate_configuration([libcamera.StreamRole.Viewfinder]).at(0)
        size = (shown.size.width, shown.size.height)
        return [{"format": str(kind), "size": size} for kind in shown.formats.pixel_formats]


picamera2.picamera2.DmaAllocator = MemoryAllocator
