"""Failures, sorted by what happens next.

Adapters translate what their libraries raise into these, always `raise ... from`. A gate that does not pass
is a result and stands in no class here; a bug has no class either and surfaces. Messages name things users
know and carry no SQL, no credentials and no full URL.
"""

from datetime import timedelta


class OperatorError(Exception):
    """A failure that the operator knows how to go on from."""


class InvalidRequest(OperatorError):
    """What was asked for cannot be done: a person must edit something."""


class NotFound(InvalidRequest):
    """The thing named is not there; the subclass says which."""


class ModelNotFound(NotFound):
    """The registry has no registered model of that name."""


class VersionNotFound(NotFound):
    """The model has no such version."""


class RunNotFound(NotFound):
    """The registry has no such run, or it is deleted."""


class LoggedModelNotFound(NotFound):
    """The registry has no logged model of that id."""


class Unreadable(InvalidRequest):
    """A file of a model is there and does not say what it should."""


class Unavailable(OperatorError):
    """Time may cure it: try again later, at the earliest after `retry_after` where the other side named one."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        """Keep what a person reads and how long the other side asked to be left alone."""
        super().__init__(message)
        self.retry_after = retry_after


class Unanswerable(Unavailable):
    """The other side answers others, and cannot answer this: asking again soon is of no use."""


class Refused(OperatorError):
    """The other side knows us and says no: credentials or a permission are missing."""


class StaleObject(OperatorError):
    """Somebody else wrote the object first: read it again and decide again."""


class RequestBroken(Exception):
    """An unexpected error while one request was looked at: it is that request's, and the others go on."""

    def __init__(self, uid: str, name: str) -> None:
        """Keep whose it is; the error itself is the cause."""
        super().__init__(f"an unexpected error while PromotionRequest {name} was judged")
        self.uid, self.name = uid, name


class NotLeading(OperatorError):
    """This process may no longer write: another one leads."""
