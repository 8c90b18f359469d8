from typing import Self

import torch

class Recommender(torch.nn.Module):
    @classmethod
    def from_tables(cls) -> Self: ...
