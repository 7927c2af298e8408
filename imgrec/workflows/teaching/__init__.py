"""Classifiers that people teach photo by photo."""

from imgrec.workflows.teaching.backbone import BackboneDescription, DecodedPhoto, as_setting
from imgrec.workflows.teaching.classifier import Classifier, list_classifiers
from imgrec.workflows.teaching.contents import checked_requirements
from imgrec.workflows.teaching.documents import (
    added_document,
    class_document,
    classifier_document,
    forgotten_document,
    note_on,
    photo_document,
    published_document,
    standing_document,
    version_document,
)
from imgrec.workflows.teaching.outcomes import AddedPhoto, Forgotten, Published
from imgrec.workflows.teaching.standing import Standing
from imgrec.workflows.teaching.thumbnails import heat_map

__all__ = [
    "AddedPhoto",
    "BackboneDescription",
    "Classifier",
    "DecodedPhoto",
    "Forgotten",
    "Published",
    "Standing",
    "added_document",
    "as_setting",
    "checked_requirements",
    "class_document",
    "classifier_document",
    "forgotten_document",
    "heat_map",
    "list_classifiers",
    "note_on",
    "photo_document",
    "published_document",
    "standing_document",
    "version_document",
]
