"""What changes, as Server-Sent Events."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header
from starlette.responses import Response, StreamingResponse

from coincast.web.api.shapes import PLAIN
from coincast.web.site import Site


def make_router(site: Site) -> APIRouter:
    """The address of the stream."""
    router = APIRouter(tags=["events"])

    @router.get(
        "/events",
        response_class=StreamingResponse,
        responses={
            **PLAIN,
            200: {
                "description": "a stream of messages, each with `id`, `event` and one line of JSON as `data`",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
        },
    )
    async def stream_events(
        last_event_id: Annotated[
            str | None, Header(max_length=60, description="id of the last message that the reader has")
        ] = None,
    ) -> Response:
        """Follow what changes: `candle`, `forecast`, `score`, `outage`, `health`, `run` and `job`.

        The stream begins with `hello`. A reader who was away sends `Last-Event-ID` and gets what he missed; where that
        is too long ago he gets `reload` instead, and asks for everything anew.
        """
        site.hub.check_room()
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(site.hub.follow(last_event_id), media_type="text/event-stream", headers=headers)

    return router
