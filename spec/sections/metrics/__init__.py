"""`metric`: how the outputs are judged, a class for each name."""
