"""The dataset, chosen by its key."""

from __future__ import annotations

from ..section import Choice
from . import files, folders, images, random, records, tables, text


class DatasetSection(
    files.Catalogue,
    tables.Catalogue,
    folders.Catalogue,
    random.Catalogue,
    text.Catalogue,
    images.Catalogue,
    records.Catalogue,
    Choice,
):
    """The dataset, chosen by its key."""
