"""Run folders: where a training keeps everything that it made."""
