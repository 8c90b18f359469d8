"""Jinja2 templates: the script and its functions. They decide nothing."""
