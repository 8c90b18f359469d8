"""NC2xx: keys and values of a spec."""

from __future__ import annotations

from .entry import Entry

ENTRIES = (
    Entry(
        "NC201",
        "unknown key",
        "The dialect has no such key, or not there. A key that is only taken for another "
        "would change nothing and say nothing.",
        "model: {name: net, framework: onnx, path: net.onnx}\nmixed_precisions: {}",
        "Take the key that the hint names, or see where it belongs in docs/spec.md.",
    ),
    Entry(
        "NC202",
        "missing key",
        "A section lacks a key that it can't do without.",
        "model: {framework: onnx, path: net.onnx}",
        "Write it; the hint says what it is for.",
    ),
    Entry(
        "NC203",
        "value of another type",
        "A list where a number should be, a number where a string should be, and so on.",
        "model: {name: 1, framework: onnx, path: net.onnx}",
        "Write the type that is expected; numbers that are meant as text are quoted.",
    ),
    Entry(
        "NC204",
        "number out of range",
        "A number is smaller or larger than it may be.",
        "model: {name: net, framework: onnx, path: net.onnx}\n"
        "tuning: {exit_policy: {timeout: -1}}",
        "Write one within the bounds that the message names.",
    ),
    Entry(
        "NC205",
        "unknown word",
        "The value is one of a fixed set of words, and this is none of them.",
        "model: {name: net, framework: pytoch}",
        "Take one of the words that the hint names.",
    ),
    Entry(
        "NC206",
        "value that is not well formed",
        "A path, the name of a Python object, a shape or a pattern is not written as one.",
        "model: {name: net, framework: pytorch, factory: net.py}",
        "Write it as the hint shows.",
    ),
)
