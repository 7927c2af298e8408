"""Train, resume a training, and what is made of its best model."""

from imgrec.workflows.training.certainty import (
    CROSS_VALIDATED,
    cross_validated_scores,
    threshold_of,
)
from imgrec.workflows.training.conclusion import JudgedOn, TrainingResult
from imgrec.workflows.training.continued import train_or_continue
from imgrec.workflows.training.description import new_card, write_beginning
from imgrec.workflows.training.exact_head import head_on_card
from imgrec.workflows.training.head_file import COMPUTING, compared_rows, write_head_file
from imgrec.workflows.training.ood_similarity import (
    held_out_similarities,
    references,
    similarities,
)
from imgrec.workflows.training.quick import QUICK, check_quick, plan_quick, train_quick
from imgrec.workflows.training.repeats import (
    TrainedRepeats,
    begin_repeats,
    pooled_metrics,
    said_once,
    seed_experiments,
    train_members,
    train_repeats,
)
from imgrec.workflows.training.resume import config_differences, resume
from imgrec.workflows.training.train import (
    DryRun,
    TrainingOptions,
    plan_training,
    train,
)

__all__ = [
    "COMPUTING",
    "CROSS_VALIDATED",
    "QUICK",
    "DryRun",
    "JudgedOn",
    "TrainedRepeats",
    "TrainingOptions",
    "TrainingResult",
    "begin_repeats",
    "check_quick",
    "compared_rows",
    "config_differences",
    "cross_validated_scores",
    "head_on_card",
    "held_out_similarities",
    "new_card",
    "plan_quick",
    "plan_training",
    "pooled_metrics",
    "references",
    "resume",
    "said_once",
    "seed_experiments",
    "similarities",
    "threshold_of",
    "train",
    "train_members",
    "train_or_continue",
    "train_quick",
    "train_repeats",
    "write_beginning",
    "write_head_file",
]
