"""Whether a training is long enough for the batch normalization of its backbone."""

from __future__ import annotations

import logging

from imgrec.models.backbone import batch_normalizations
from imgrec.training.steps import Steps

log = logging.getLogger("imgrec")

_SETTLED = 0.95


def warn_unless_settled(steps: Steps, count: int) -> None:
    """Warn where running means and variances are not those of the images after `count` steps.

    They begin at 0 and 1 where the weights are random, and each step keeps `momentum` of them. A
    model that computes with others than it was trained with answers anything.
    """
    backbone = steps.experiment.model.backbone
    if backbone is None or backbone.weights is not None or not backbone.trainable:
        return
    if backbone.batch_norm_momentum is not None:  # chosen knowingly
        return
    momentum = max((each.momentum for each in batch_normalizations(steps.backbone)), default=0.0)
    settled = 1 - momentum**count
    if settled < _SETTLED:
        log.warning(
            "%s's batch normalization keeps %.4g of its mean and variance at each step: after "
            "%s steps only %.0f %% of them is your images'; "
            "--set model.backbone.batch_norm_momentum=0.9 is for short trainings",
            backbone.name,
            momentum,
            f"{count:,}",
            100 * settled,
        )
