"""Logistic regression on features: the same weights for the same set of photos, bit for bit."""

from imgrec.training.logistic.head import (
    FOLDS,
    STRENGTHS,
    CrossValidation,
    LogisticHead,
    Preview,
    fit_head,
    preview_head,
)
from imgrec.training.logistic.photos import LabelledPhotos

__all__ = [
    "FOLDS",
    "STRENGTHS",
    "CrossValidation",
    "LabelledPhotos",
    "LogisticHead",
    "Preview",
    "fit_head",
    "preview_head",
]
