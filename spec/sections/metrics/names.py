"""The metrics of the runtime, by the names that Neural Compressor has for them."""

from . import classification, detection, regression, segmentation, text


# Pydantic takes the fields of the last first: so they are listed.
class BuiltInMetrics(
    text.Catalogue,
    detection.Catalogue,
    segmentation.Catalogue,
    regression.Catalogue,
    classification.Catalogue,
):
    """One field for each metric."""
