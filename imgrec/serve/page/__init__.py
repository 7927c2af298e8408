"""The page of the service: static files, and the style sheet that it shares with the reports."""

from imgrec.serve.page.routes import page_routes

__all__ = ["page_routes"]
