"""The features of photos, and the photos that are most similar to one."""

from imgrec.workflows.similarity.extraction import FeatureModel, open_feature_model, photo_features
from imgrec.workflows.similarity.feature_file import check_new_file, write_photo_features
from imgrec.workflows.similarity.search import find_similar
from imgrec.workflows.similarity.sheet import similar_page, similar_sheet

__all__ = [
    "FeatureModel",
    "check_new_file",
    "find_similar",
    "open_feature_model",
    "photo_features",
    "similar_page",
    "similar_sheet",
    "write_photo_features",
]
