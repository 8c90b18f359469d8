"""`python -m narrowcast.codes`: docs/errors.md."""

from . import document

print(document(), end="")
