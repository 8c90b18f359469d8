"""Neural Compressor's transforms."""

from __future__ import annotations

from ..marks import Parameters, unbuilt
from ..section import Section
from .names import ALL, MX, TF, TORCH


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
