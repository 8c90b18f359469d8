"""What TensorFlow's and Keras' errors say, in one line: the reason, not where it came up."""

from __future__ import annotations

import re

import tensorflow as tf

from ....common.errors import DataError, first_line

MOST = 300
"""Characters that a message may take of another's."""

AT_NODE = re.compile(r"\[\[\{\{node (?P<node>[^}]*)\}\}\]\]")
HEADERS = ("Graph execution error:", "Detected at node", "<stack traces unavailable>")
INNER = ("Exception encountered when calling", "in user code:")
"""How Keras and AutoGraph begin before they come to the reason."""
ORNAMENTS = re.compile(
    r"\x1b\[\d*m|^\{\{function_node [^}]*\}\} | \[Op:[^]]*\](?: name: ?.*)?$"
)


FIT = (
    "Make model.inputs (shapes, dtypes), and the data where the spec names any, fit the "
    "model."
)
"""The remedy for inputs that the model does not take."""


FAILURES = (tf.errors.OpError, TypeError, ValueError)
"""What TensorFlow raises when it runs a graph or an op.

A missing kernel is one; a dtype that the op's definition excludes, too.
"""


def failed(what: str, error: Exception) -> DataError:
    """A model's failure on its inputs."""
    return DataError(f"{what} fails on the data: {reason(error)}", FIT)


def said(error: BaseException) -> str:
    """What went wrong, with the error's type."""
    return f"{type(error).__name__}: {reason(error)}"


def reason(error: BaseException) -> str:
    """The line that says why, and at which node where TensorFlow says so."""
    lines = [each.strip() for each in str(error).splitlines()]
    lines = [each for each in lines if each and not each.startswith(HEADERS)]
    for place, line in enumerate(lines):
        found = AT_NODE.search(line)
        if found and place:
            return _short(f"{_plain(lines[place - 1])} (node {found['node']})")
    if not lines:
        return _short(first_line(error))
    if lines[0].startswith(INNER[1]):
        return _short(_plain(lines[-1]))
    if lines[0].startswith(INNER[0]) and len(lines) > 1:
        return _short(f"{_plain(lines[0])} {_plain(lines[1])}")
    return _short(_plain(lines[0]))


def _plain(line: str) -> str:
    return ORNAMENTS.sub("", line).removesuffix(" [Op:]")


def _short(text: str) -> str:
    return text if len(text) <= MOST else text[:MOST] + "…"
