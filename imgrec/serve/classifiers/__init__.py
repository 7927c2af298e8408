"""The classifiers of a service, and the addresses under which they are taught."""

from imgrec.serve.classifiers.folder import Classifiers
from imgrec.serve.classifiers.table import classifier_routes

__all__ = ["Classifiers", "classifier_routes"]
