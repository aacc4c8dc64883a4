"""What stops a release."""


class ReleaseError(Exception):
    """It cannot be made; the sentence says why, and what to do."""
