"""The detectors, one file per type; ``catalog`` lists them."""
