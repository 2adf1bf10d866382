"""A finished page read: its words, what may help the form, what kind of paper it seems to be. Runs in the darkroom."""

from __future__ import annotations

import cv2

from appliance.capture.barcodes import read_flat
from appliance.capture.encoding import pixels_of
from appliance.capture.geometry import MM_PER_INCH
from appliance.capture.jobs import Read, WasRead
from appliance.capture.recognition.findings import find
from appliance.capture.recognition.marks import borne
from appliance.capture.recognition.papers import looks_like
from appliance.capture.recognition.text import read_words


def read_leaf(job: Read) -> WasRead:
    """See `jobs.Read`.

    Raises:
        LanguageMissing: a language is not installed.
    """
    page = pixels_of(job.leaf)
    grey = page if page.ndim == 2 else cv2.cvtColor(page, cv2.COLOR_BGR2GRAY)
    words = read_words(grey, job.leaf.width_px / job.leaf.width_mm * MM_PER_INCH, job.languages)
    return WasRead(
        words=words, found=find(words), looks_like=looks_like(words, job.asked, borne(read_flat(grey)))
    )
