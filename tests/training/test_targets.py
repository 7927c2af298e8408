"""Targets fit the loss, and class weights the classes."""

from __future__ import annotations

import numpy as np
import pytest

from imgrec.config.experiment import Experiment
from imgrec.config.load import parse
from imgrec.errors import ConfigError
from imgrec.training.batch import check_class_weight, check_output, encode, image_weights
from imgrec.workflows.experiment_sections import located_problems

LABELS = np.array([0, 1, 1, 1])


def _experiment(output: str = "softmax", training: str = "{}") -> Experiment:
    return parse(
        "name: t\ndata: {loader: digits, image_size: [8, 8]}\n"
        f"model: {{layers: [Flatten], output: {output}}}\ntraining: {training}",
        "t.yaml",
    )


def test_softmax_gets_one_hot_targets() -> None:
    """A row per image, 1 at its class."""
    np.testing.assert_array_equal(
        encode("one_hot", LABELS, 3), [[1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 1, 0]]
    )


def test_a_sparse_loss_gets_class_numbers() -> None:
    """The labels as they are."""
    experiment = _experiment(training="{loss: sparse_categorical_crossentropy}")
    assert experiment.truth == "index"
    np.testing.assert_array_equal(encode("index", LABELS, 3), LABELS)


def test_sigmoid_gets_one_column() -> None:
    """1 for the second class."""
    encoded = encode(_experiment("sigmoid").truth, LABELS, 2)
    assert encoded.shape == (4, 1)
    np.testing.assert_array_equal(encoded[:, 0], LABELS)


def test_sigmoid_with_three_classes_is_reported_with_its_line() -> None:
    """One unit is not enough for three classes."""
    check_output("sigmoid", ["a", "b"], multi_label=False)
    with pytest.raises(ConfigError) as caught, located_problems(_experiment("sigmoid")):
        check_output("sigmoid", ["a", "b", "c"], multi_label=False)
    assert caught.value.message == (
        "t.yaml, line 3: model.output: "
        "sigmoid is one unit for two classes, and the data has 3; use softmax, "
        "or data.multi_label where an image has several"
    )


def test_balanced_weights_are_scikit_learns() -> None:
    """The rarer class weighs more, to the same total."""
    from sklearn.utils.class_weight import compute_class_weight

    weights = image_weights("balanced", LABELS, ["a", "b"])
    expected = compute_class_weight("balanced", classes=np.array([0, 1]), y=LABELS)
    np.testing.assert_allclose(weights, expected[LABELS], rtol=1e-6)


def test_weights_by_name_default_to_one() -> None:
    """A class that is not named weighs 1; without any, all do."""
    named = image_weights({"b": 2.5}, LABELS, ["a", "b"])
    np.testing.assert_array_equal(named, [1, 2.5, 2.5, 2.5])
    np.testing.assert_array_equal(image_weights(None, LABELS, ["a", "b"]), [1, 1, 1, 1])


def test_a_weight_for_a_class_that_is_not_there_is_reported() -> None:
    """The message names all of them and the classes there are."""
    experiment = _experiment(training="{class_weight: {e: 2.0, d: 2.0}}")
    with (
        pytest.raises(ConfigError, match=r"class_weight\.d: the data has no class d, e; .* a, b"),
        located_problems(experiment),
    ):
        check_class_weight(experiment.training.class_weight, ["a", "b"])


def test_class_weights_are_found_in_every_unicode_form() -> None:
    """A name with a separate accent equals that with the composed letter."""
    check_class_weight({"e\u0301": 2.0}, ["a", "\xe9"])
    named = image_weights({"e\u0301": 2.5}, LABELS, ["a", "\xe9"])
    np.testing.assert_array_equal(named, [1, 2.5, 2.5, 2.5])
