"""From a traced model to one whose ops have int8 kernels: candidates, ranges, probes."""
