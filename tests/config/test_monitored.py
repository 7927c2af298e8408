"""What is monitored must be measured, and its direction known, before anything is loaded."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from imgrec.config.load import dump, parse

Problems = Callable[..., list[str]]

ALLOWED = "allowed: accuracy, loss, val_accuracy, val_loss"


@pytest.mark.parametrize(
    ("override", "path"),
    [
        ("training.callbacks=[{EarlyStopping: {monitor: val_los}}]", "callbacks[0].EarlyStopping"),
        (
            "training.callbacks=[EarlyStopping, {ReduceLROnPlateau: {monitor: val_los}}]",
            "callbacks[1].ReduceLROnPlateau",
        ),
        ("training.checkpoint={monitor: val_los}", "checkpoint"),
    ],
)
def test_a_typo_is_reported(problems: Problems, override: str, path: str) -> None:
    """Wherever it stands, with the nearest name and with all."""
    assert problems(override) == [
        f"training.{path}.monitor: 'val_los' is not measured; did you mean 'val_loss'? {ALLOWED}"
    ]


@pytest.mark.parametrize(
    "monitor", ["loss", "val_brier", "val_auc", "auc_1", "val_fbeta_score", "precision"]
)
def test_metrics_have_the_names_that_keras_gives_them(config: str, monitor: str) -> None:
    """The argument `name`, or else Keras' default name, counted where it repeats."""
    metrics = (
        "training.metrics=[AUC, AUC, {MeanSquaredError: {name: brier}}, Precision, "
        "{FBetaScore: {average: macro}}]"
    )
    watch = f"training.checkpoint={{monitor: {monitor}, mode: min}}"
    assert parse(config, "x", [metrics, watch]).training.checkpoint.monitor == monitor


@pytest.mark.parametrize(
    ("metrics", "written", "resolved"),
    [
        ("acc", "val_acc", "val_accuracy"),
        ("[AUC, acc]", "acc", "accuracy"),
        ("[BinaryAccuracy]", "val_accuracy", "val_binary_accuracy"),
        ("top_5_accuracy", "val_top_5_accuracy", "val_top_k_categorical_accuracy"),
        ("{AUC: {name: area}}", "val_AUC", "val_area"),
    ],
)
def test_a_monitor_can_be_called_as_in_metrics(
    config: str, metrics: str, written: str, resolved: str
) -> None:
    """The config that is shown has its name in the history."""
    stopping = f"training.callbacks={{EarlyStopping: {{monitor: {written}}}}}"
    overrides = [f"training.metrics={metrics}", f"training.checkpoint.monitor={written}", stopping]
    experiment = parse(config, "x", overrides)
    assert experiment.training.checkpoint.monitor == resolved
    assert dump(experiment).count(f"monitor: {resolved}") == 2


@pytest.mark.parametrize(
    ("metrics", "monitor"),
    [
        ("[AUC]", "val_acc"),
        ("[AUC, {AUC: {name: area}}]", "val_AUC"),
        ("[{TopKCategoricalAccuracy: 3}]", "val_top_5_accuracy"),
    ],
)
def test_a_monitor_that_is_not_plain_is_refused(
    problems: Problems, metrics: str, monitor: str
) -> None:
    """What it means is not measured, or measured twice."""
    (problem,) = problems(f"training.metrics={metrics}", f"training.checkpoint.monitor={monitor}")
    assert problem.startswith(f"training.checkpoint.monitor: '{monitor}' is not measured")


def test_a_direction_that_does_not_follow_must_be_given(problems: Problems, config: str) -> None:
    """Counts may be better lower or higher; `mode` says so."""
    metrics = "training.metrics=[FalsePositives]"
    watch = "training.callbacks=[{EarlyStopping: {monitor: val_false_positives%s}}]"
    assert problems(metrics, watch % "") == [
        (
            "training.callbacks[0].EarlyStopping.mode: must be min or max: "
            "it can't be inferred whether a lower val_false_positives is better"
        )
    ]
    assert parse(config, "x", [metrics, watch % ", mode: min"]).training.callbacks
