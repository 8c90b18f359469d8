"""MiniLM with a head: which of Reuters' eight largest topics a text is about."""

import torch
from torch import nn
from transformers import BertConfig, BertModel

TOPICS = ("acq", "crude", "earn", "grain", "interest", "money-fx", "ship", "trade")

CONFIG = {
    "vocab_size": 30522,
    "hidden_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
}


def build() -> nn.Module:
    """Tokens and their mask, both (n, 64) int64 → logits (n, 8)."""
    return Classifier()


class Classifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.bert = BertModel(BertConfig(**CONFIG), add_pooling_layer=False)
        self.head = nn.Linear(CONFIG["hidden_size"], len(TOPICS))

    def forward(self, input_ids, attention_mask):
        return self.head(self.embed(input_ids, attention_mask))

    def embed(self, input_ids, attention_mask):
        """The mean over the tokens that are no padding, (n, 384)."""
        found = self.bert(input_ids, attention_mask)
        weights = attention_mask.unsqueeze(-1).to(found.last_hidden_state.dtype)
        return torch.sum(found.last_hidden_state * weights, 1) / torch.sum(weights, 1)
