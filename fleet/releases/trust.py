"""Trust bundles, published. What is in a bundle is between its maker and the desks."""

from __future__ import annotations

from functools import partial
from typing import Final

from fleet.releases import book
from fleet.releases.book import ReleaseRefused, ReleaseUnknown

__all__ = ["ReleaseRefused", "ReleaseUnknown", "bundle", "every", "publish", "statement"]

publish: Final = partial(book.publish, book.TRUST)
every: Final = partial(book.every, book.TRUST)
statement: Final = partial(book.statement, book.TRUST)
bundle: Final = partial(book.bundle, book.TRUST)
