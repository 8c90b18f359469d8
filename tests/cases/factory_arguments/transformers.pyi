from typing import Any

class AutoModelForSequenceClassification:
    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str, **kwargs: Any
    ) -> Any: ...
