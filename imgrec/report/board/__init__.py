"""The board: many runs on one page that loads nothing from the network."""

from imgrec.report.board.page import BoardRun, Facts, board_page

__all__ = ["BoardRun", "Facts", "board_page"]
