"""Neural Compressor's transforms."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator

from ..fields import Refused, whole
from ..marks import Parameters, empty, unbuilt
from ..section import Section
from .names import ALL, MX, ORT, TF, TORCH


class TransformNames(Section):
    """The transforms of samples that are not built yet; any parameters."""

    AlignImageChannel: Parameters = unbuilt("Give images a number of channels.", ALL)
    BilinearImagenet: Parameters = unbuilt(
        "Crop and resize as ImageNet's evaluation does.", TF
    )
    CenterCrop: Parameters = unbuilt("Crop around the center.", ALL)
    ColorJitter: Parameters = unbuilt("Change brightness and colors at random.", TORCH)
    Compose: Parameters = unbuilt("Several transforms in one.", ALL)
    CropResize: Parameters = unbuilt("Crop a box and resize it.", ALL)
    CropToBoundingBox: Parameters = unbuilt("Crop a box.", ALL)
    DecodeImage: Parameters = unbuilt("Decode an image.", TF)
    EncodeJpeg: Parameters = unbuilt("Encode as JPEG.", TF)
    KerasRescale: Parameters = unbuilt("Scale to the range of a Keras model.", TF)
    Pad: Parameters = unbuilt("Pad the borders.", TORCH)
    PaddedCenterCrop: Parameters = unbuilt("Crop around the center, with padding.", TF)
    ParseDecodeCoco: Parameters = unbuilt("Decode records of COCO.", TF)
    ParseDecodeImagenet: Parameters = unbuilt("Decode records of ImageNet.", TF)
    ParseDecodeVoc: Parameters = unbuilt("Decode records of Pascal VOC.", TF)
    QuantizedInput: Parameters = unbuilt("Quantize the input.", TF)
    RandomCrop: Parameters = unbuilt("Crop at random.", ALL)
    RandomHorizontalFlip: Parameters = unbuilt("Mirror left and right at random.", ALL)
    RandomResizedCrop: Parameters = unbuilt("Crop at random and resize.", ALL)
    RandomVerticalFlip: Parameters = unbuilt("Mirror top and bottom at random.", ALL)
    Resize: Parameters = unbuilt("Resize images.", ALL)
    ResizeCropImagenet: Parameters = unbuilt(
        "Resize and crop as ImageNet's evaluation does.", TF
    )
    ResizeWithAspectRatio: Parameters = unbuilt(
        "Resize, the aspect kept, then crop.", TF
    )
    ResizeWithRatio: Parameters = unbuilt("Resize, the aspect kept, with padding.", ALL)
    ToArray: Parameters = unbuilt("Make an array.", ALL)
    ToNDArray: Parameters = unbuilt("Make an NDArray.", MX)
    ToPILImage: Parameters = unbuilt("Make an image of PIL.", TORCH)
    ToTensor: Parameters = unbuilt(
        "Make a tensor of numbers from 0 to 1.", f"{TORCH} {MX}"
    )


def _shift(value: object) -> object:
    """A number, in quotes or not, or parameters as a mapping."""
    shift = whole(empty(value))
    if isinstance(shift, bool) or not isinstance(shift, dict | int):
        raise Refused("the labels are shifted by an integer", "LabelShift: 1")
    return shift


class PostTransformNames(Section):
    """The transforms of outputs and labels that are not built yet."""

    LabelShift: Annotated[
        dict[str, Any] | int | None,
        BeforeValidator(
            _shift, json_schema_input_type=dict[str, Any] | int | str | None
        ),
    ] = unbuilt("Subtract a number from the labels.", f"{TF} {TORCH} {ORT}")
    Collect: Parameters = unbuilt("Gather so many outputs.", TF)
    ModelZooCollect: Parameters = unbuilt("Gather outputs of Model Zoo's BERT.", TF)
    SquadV1: Parameters = unbuilt("Outputs as answers for SQuAD.", TF)
    SquadV1ModelZoo: Parameters = unbuilt("Model Zoo's answers for SQuAD.", TF)
