"""Looking at what a user names: models' files, and other environments.

Nothing in a model's file is run. Whatever is read is bounded, and is text to the spec
that is made of it.
"""
