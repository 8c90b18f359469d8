"""Looking into a model's file for what goes in and out: nothing in it is run.

Whatever is read is bounded, and is text to the spec that is made of it.
"""
