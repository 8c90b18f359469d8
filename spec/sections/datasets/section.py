"""The dataset, chosen by its key."""

from ..section import Choice
from . import files, folders, images, random, records, tables, text


# Pydantic lists the keys of the last class first.
class DatasetSection(
    records.Catalogue,
    images.Catalogue,
    text.Catalogue,
    random.Catalogue,
    folders.Catalogue,
    tables.Catalogue,
    files.Catalogue,
    Choice,
):
    """The dataset, chosen by its key."""
