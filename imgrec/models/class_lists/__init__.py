"""Files that list the classes of a model, in the forms in which they are found."""

from imgrec.models.class_lists.reading import ClassList, imagenet_classes, read_classes

__all__ = ["ClassList", "imagenet_classes", "read_classes"]
