"""Jinja2 templates: one script per framework over shared parts. They decide nothing."""
