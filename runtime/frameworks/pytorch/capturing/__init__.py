"""From a module to an ATen graph: `torch.export`, and what it can't take."""
