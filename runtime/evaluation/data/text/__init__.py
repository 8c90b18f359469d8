"""Datasets of text, as the numbers that a tokenizer's file makes of it."""
