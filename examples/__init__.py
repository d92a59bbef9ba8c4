"""Programs that use the package as you would."""
