"""One form for every error: `{"error": {"code", "message"}}`."""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from coincast.errors import CoincastError, UsageError

CODES = {
    400: "bad_request",
    401: "unauthorised",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    409: "conflict",
    413: "too_large",
    415: "unsupported",
    422: "invalid",
    429: "too_many",
    500: "failed",
    503: "unavailable",
}
"""Status -> its code in words."""
ALWAYS = (400, 401, 403, 404, 408, 413, 422, 429, 500, 503)
"""What any path may answer: the guards before it stand for all."""


class Detail(BaseModel):
    """What went wrong."""

    code: str = Field(description="the kind of error, for programs", examples=["not_found"])
    message: str = Field(description="one or two lines for a person", examples=["no market has this id"])


class Fault(BaseModel):
    """The body of every answer from 400 on."""

    model_config = ConfigDict(json_schema_extra={"example": {"error": {"code": "not_found", "message": "no such id"}}})

    error: Detail


class Refusal(Exception):
    """A request that is refused; becomes an answer.

    Args:
        status: of the answer, a key of `CODES`.
        message: for a person.
        wait: seconds after which to come again.
    """

    def __init__(self, status: int, message: str, *, wait: int | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.wait = status, message, wait


def describe_faults(*more: int) -> dict[int | str, dict[str, Any]]:
    """The answers of `ALWAYS` and some more, as FastAPI wants them for the description."""
    return {status: {"model": Fault, "description": CODES[status]} for status in sorted({*ALWAYS, *more})}


def fault_body(status: int, message: str) -> bytes:
    """The body of an error."""
    told = "".join(mark if mark.isprintable() or mark == "\n" else "?" for mark in message)
    return json.dumps({"error": {"code": CODES.get(status, "failed"), "message": told}}).encode()


def fault_response(status: int, message: str, *, headers: dict[str, str] | None = None) -> Response:
    """The answer of an error."""
    return Response(fault_body(status, message), status, headers, media_type="application/json")


def add_fault_handlers(app: FastAPI) -> None:
    """Give every error its form; what nobody expected says nothing about the inside."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(CoincastError, _told)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _plain)
    app.add_exception_handler(Exception, _failed)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    headers = {"Retry-After": str(error.wait)} if error.wait is not None else None
    return fault_response(error.status, error.message, headers=headers)


async def _told(request: Request, error: Exception) -> Response:
    """An error of the library: what was asked for is wrong, or what lies on the disk is."""
    return fault_response(422 if isinstance(error, UsageError) else 503, str(error))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    return fault_response(422, f"{where[:80]}: {first['msg']}")


async def _plain(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    messages = {404: "there is nothing at this address", 405: "this address does not take this method"}
    message = messages.get(error.status_code, str(error.detail))
    return fault_response(error.status_code, message, headers=dict(error.headers or {}))


async def _failed(request: Request, error: Exception) -> Response:
    return fault_response(500, "a fault of ours; the log has more")
