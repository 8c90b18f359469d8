from . import common as common
from .api import MixedPrecision as MixedPrecision

__version__: str
