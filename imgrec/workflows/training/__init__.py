"""Train, resume a training, and what is made of its best model."""

from imgrec.workflows.training.conclusion import Judgement, TrainingResult
from imgrec.workflows.training.quick import QUICK, train_quick
from imgrec.workflows.training.resume import resume
from imgrec.workflows.training.train import (
    DryRun,
    TrainingOptions,
    plan_training,
    train,
)

__all__ = [
    "QUICK",
    "DryRun",
    "Judgement",
    "TrainingOptions",
    "TrainingResult",
    "plan_training",
    "resume",
    "train",
    "train_quick",
]
