"""Train, resume a training, and what is made of its best model."""

from imgrec.workflows.training.conclusion import JudgedOn, TrainingResult
from imgrec.workflows.training.continued import train_or_continue
from imgrec.workflows.training.description import new_card, write_beginning
from imgrec.workflows.training.exact_head import head_on_card
from imgrec.workflows.training.head_file import COMPUTING, compared_rows, write_head_file
from imgrec.workflows.training.quick import QUICK, train_quick
from imgrec.workflows.training.repeats import (
    TrainedRepeats,
    begin_repeats,
    pool,
    pooled_metrics,
    seed_experiments,
    train_members,
    train_repeats,
)
from imgrec.workflows.training.resume import resume
from imgrec.workflows.training.train import (
    DryRun,
    TrainingOptions,
    plan_training,
    train,
)

__all__ = [
    "COMPUTING",
    "QUICK",
    "DryRun",
    "JudgedOn",
    "TrainedRepeats",
    "TrainingOptions",
    "TrainingResult",
    "begin_repeats",
    "compared_rows",
    "head_on_card",
    "new_card",
    "plan_training",
    "pool",
    "pooled_metrics",
    "resume",
    "seed_experiments",
    "train",
    "train_members",
    "train_or_continue",
    "train_quick",
    "train_repeats",
    "write_beginning",
    "write_head_file",
]
