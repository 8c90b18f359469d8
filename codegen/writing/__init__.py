"""Source text: literals, layout, import lines, and the file that it goes to."""
