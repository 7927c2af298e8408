"""What a user may write: YAML files, checked before anything slow is loaded."""
