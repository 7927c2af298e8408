"""Calibrate a run's model on other images, as a new run."""

from imgrec.workflows.calibration.fitted_run import CalibrationRequest, calibrate_run
from imgrec.workflows.calibration.wording import (
    CONFIDENCE_TEXT,
    log_calibration,
    log_threshold,
    unattainable,
)

__all__ = [
    "CONFIDENCE_TEXT",
    "CalibrationRequest",
    "calibrate_run",
    "log_calibration",
    "log_threshold",
    "unattainable",
]
