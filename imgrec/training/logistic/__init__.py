"""Logistic regression on features: the same weights for the same set of photos, bit for bit."""

from imgrec.training.logistic.cross_validation import STRENGTHS, CrossValidation
from imgrec.training.logistic.folds import FOLDS, deal_folds
from imgrec.training.logistic.head import STEPS, LogisticHead, Preview, fit_head, preview_head
from imgrec.training.logistic.photos import FEWEST_PHOTOS, LabelledPhotos

__all__ = [
    "FEWEST_PHOTOS",
    "FOLDS",
    "STEPS",
    "STRENGTHS",
    "CrossValidation",
    "LabelledPhotos",
    "LogisticHead",
    "Preview",
    "deal_folds",
    "fit_head",
    "preview_head",
]
