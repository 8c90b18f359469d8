"""narrowcast: a short YAML spec becomes a reviewable mixed-precision conversion script."""

__version__ = "0.1.0"
