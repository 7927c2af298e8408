"""Tables and lines for the terminal."""

from imgrec.report.terminal.check import check_text
from imgrec.report.terminal.comparison import (
    comparison_text,
    differences_text,
    settings_text,
    verdicts_text,
)
from imgrec.report.terminal.evaluation import evaluation_text
from imgrec.report.terminal.predictions import Disagreement, explanation_line, prediction_table

__all__ = [
    "Disagreement",
    "check_text",
    "comparison_text",
    "differences_text",
    "evaluation_text",
    "explanation_line",
    "prediction_table",
    "settings_text",
    "verdicts_text",
]
