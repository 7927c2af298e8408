"""The end of a training: its best model is evaluated, and the run is complete."""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass
from typing import Literal

from imgrec.evaluation.results import Assessment, Evaluation
from imgrec.evaluation.verdicts import check_requirements
from imgrec.progress import Progress
from imgrec.requirement import parse
from imgrec.runs.folder import Run
from imgrec.runs.predictions import write_predictions
from imgrec.runs.writer import RunWriter
from imgrec.runtime.engine import EngineOptions
from imgrec.runtime.litert_engine import FILES
from imgrec.workflows.check import remind_of_copies
from imgrec.workflows.evaluation import EvaluationData, Evaluator
from imgrec.workflows.prepare import Prepared, judging
from imgrec.workflows.reports import write_results
from imgrec.workflows.test_looks import note_look

log = logging.getLogger("imgrec")


@dataclass(frozen=True)
class TrainingResult:
    """A complete run, and how good its best model is, with what came of `evaluation.require`."""

    run: Run
    assessment: Assessment

    @property
    def evaluation(self) -> Evaluation:
        """The numbers."""
        return self.assessment.evaluation


JudgedOn = Literal["test", "validation", "fold"]
"""What the best model of a training is evaluated on.

`test`: the test images, or else the validation images. `validation`: these, as several models are
compared; the test images are left alone. `fold`: the fold that is held out, in place of the test
images. The last two keep the answers for each image in the run.
"""


def conclude(
    prepared: Prepared, writer: RunWriter, progress: Progress, judged_on: JudgedOn = "test"
) -> TrainingResult:
    """Evaluate a run's best model, write the results, and complete the run."""
    assessment = _assessed(prepared, writer, progress, judged_on)
    if judged_on != "test":
        write_predictions(writer, assessment.scores)
    writer.finish()
    remind_of_copies(prepared.findings)
    return TrainingResult(writer.run, assessment)


def _assessed(
    prepared: Prepared, writer: RunWriter, progress: Progress, judged_on: JudgedOn
) -> Assessment:
    """Measure the best model as `evaluate` will, and write down what was found.

    What is not met stops nothing: the model may be wanted all the same.
    """
    run, experiment = writer.run, prepared.experiment
    split, records = judging(prepared.found, sealed=judged_on == "validation")
    if split == "train":
        log.warning("no test or validation images: the final metrics are of the training images")
    section, bad_images = experiment.evaluation, experiment.data.bad_images
    images = EvaluationData(
        split, run.card.data[split].written or experiment.data.loader or "", records
    )
    measuring = Evaluator(images, run.card.classes, bad_images, section.top_k, progress)
    engine_options = EngineOptions("auto" if (run.path / FILES["float32"]).is_file() else "keras")
    found = measuring.assess([run], engine_options, section.slicing)
    verdicts = check_requirements(found.evaluation, [*map(parse, section.require)])
    assessment = dataclasses.replace(found, verdicts=verdicts)
    if (split, judged_on) == ("test", "test"):
        looks = note_look(
            run.path.parent, run, records, prepared.identities, run.card.classes, once=True
        )
        assessment = dataclasses.replace(assessment, test_looks=looks)
    write_results(writer, assessment, records)
    return assessment
