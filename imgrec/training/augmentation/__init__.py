"""Augmentation of training images: drawn per image, then applied."""

from imgrec.training.augmentation.augmentation import AugmentationParams, Augmenter, augmenter_of

__all__ = ["AugmentationParams", "Augmenter", "augmenter_of"]
