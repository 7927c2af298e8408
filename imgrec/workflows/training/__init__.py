"""Train, resume a training, and what is made of its best model."""

from imgrec.workflows.training.resume import resume
from imgrec.workflows.training.train import (
    DryRun,
    TrainingOptions,
    TrainingResult,
    plan_training,
    train,
)

__all__ = ["DryRun", "TrainingOptions", "TrainingResult", "plan_training", "resume", "train"]
