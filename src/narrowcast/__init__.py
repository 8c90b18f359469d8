"""narrowcast: a short YAML spec becomes a reviewable mixed-precision conversion script."""

from narrowcast.runtime.version import VERSION as __version__

__all__ = ["__version__"]
