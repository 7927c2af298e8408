"""The classifiers that people teach: their photos, labels, features and versions on disk."""

from imgrec.classifiers.errors import ClassifierInUse, Conflict, DiskFull, NotFound, QuotaExceeded
from imgrec.classifiers.lock import FolderLock
from imgrec.classifiers.names import check_class_name, check_classifier_name
from imgrec.classifiers.photo_files import PHOTOS, VERSIONS
from imgrec.classifiers.records import (
    NewPhoto,
    PhotoStatus,
    Quotas,
    StoredClass,
    StoredPhoto,
    StoredVersion,
    VersionPhoto,
)
from imgrec.classifiers.store import BACKBONE, Store, is_classifier

__all__ = [
    "BACKBONE",
    "PHOTOS",
    "VERSIONS",
    "ClassifierInUse",
    "Conflict",
    "DiskFull",
    "FolderLock",
    "NewPhoto",
    "NotFound",
    "PhotoStatus",
    "QuotaExceeded",
    "Quotas",
    "Store",
    "StoredClass",
    "StoredPhoto",
    "StoredVersion",
    "VersionPhoto",
    "check_class_name",
    "check_classifier_name",
    "is_classifier",
]
