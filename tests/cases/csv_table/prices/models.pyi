import torch

class Regressor(torch.nn.Module):
    def __init__(self) -> None: ...
