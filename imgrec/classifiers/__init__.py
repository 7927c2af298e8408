"""The classifiers that people teach: their photos, labels, features and versions on disk."""

from imgrec.classifiers.errors import ClassifierInUse, Conflict, DiskFull, NotFound, QuotaExceeded
from imgrec.classifiers.lock import FolderLock
from imgrec.classifiers.names import check_class_name, check_classifier_name
from imgrec.classifiers.records import (
    NewPhoto,
    PhotoStatus,
    Quotas,
    StoredClass,
    StoredPhoto,
    StoredVersion,
    VersionPhoto,
    check_status,
)
from imgrec.classifiers.store import BACKBONE, Store

__all__ = [
    "BACKBONE",
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
    "check_status",
]
