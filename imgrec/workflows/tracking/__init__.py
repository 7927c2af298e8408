"""Record runs in MLflow and TensorBoard, during a training and afterwards."""

from imgrec.workflows.tracking.observed import tracked
from imgrec.workflows.tracking.push import destination_of, push_run
from imgrec.workflows.tracking.tracker import TrackerName, check_tracking

__all__ = ["TrackerName", "check_tracking", "destination_of", "push_run", "tracked"]
