"""Errors as RFC 9457 bodies."""

import msgspec

__all__ = ["Problem", "problem_body"]


class Problem(Exception):  # noqa: N818  the word of RFC 9457
    """A request that cannot be served, and why. ``detail`` never carries a value of the request's body.

    ``reason`` is the short name it is counted under; ``headers`` go on the answer.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        title: str,
        detail: str,
        *,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.reason = reason
        self.title = title
        self.detail = detail
        self.headers = headers


def problem_body(problem: Problem) -> bytes:
    """``application/problem+json`` with type, title, status and detail."""
    return msgspec.json.encode(
        {
            "type": f"urn:traceo:problem:{problem.reason}",
            "title": problem.title,
            "status": problem.status,
            "detail": problem.detail,
        }
    )
