"""The one failure that this package reports to a person."""


class ClusterError(Exception):
    """Say what went wrong and what to do about it; the message is all that a person sees."""
