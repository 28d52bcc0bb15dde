"""Work that readers start: what may be asked for, asking for it, how far it is, ending it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from fastapi import Path as InPath
from starlette.responses import Response

from coincast.web.answers import send_model
from coincast.web.api.shapes import CACHED, PLAIN, Page
from coincast.web.faults import describe_faults
from coincast.web.ids import ID_PATTERN
from coincast.web.jobs.choices import ChoicesShape
from coincast.web.jobs.job import JobDetailShape, JobShape
from coincast.web.jobs.orders import Order
from coincast.web.paging import Cursor, Limit, cut_page
from coincast.web.site import Site


class JobsShape(Page):
    """Jobs, the newest first."""

    items: list[JobShape]


JobId = InPath(pattern=ID_PATTERN, description="id of a job, out of the list")


def make_router(site: Site) -> APIRouter:
    """Addresses of jobs."""
    router = APIRouter(prefix="/jobs", tags=["jobs"])

    @router.get("/choices", response_model=ChoicesShape, responses=CACHED)
    async def show_choices(request: Request) -> Response:
        """What may be asked for."""

        def answer() -> Response:
            return site.answers.give(request, "choices", 0, site.choices.get)

        return await site.heavy.run(answer)

    @router.get("", response_model=JobsShape, responses=PLAIN)
    def list_jobs(limit: Limit = 50, cursor: Cursor = None) -> Response:
        """Every job since the server started."""
        jobs = site.jobs.every()
        page, following = cut_page(jobs, limit, cursor)
        return send_model(JobsShape(items=[job.show() for job in page], next=following, total=len(jobs)))

    @router.post(
        "",
        status_code=201,
        response_model=JobDetailShape,
        responses={**describe_faults(404, 415), 201: {"headers": _LOCATION}},
    )
    async def add_job(order: Annotated[Order, Body()]) -> Response:
        """Ask for a comparison or a reproduction; at most two run at once, the others wait."""
        job = await site.heavy.run(lambda: site.jobs.add(order, site.store.inventory(), site.choices.get()))
        return send_model(job.show_whole(), 201, {"Location": f"/api/v1/jobs/{job.id}"})

    @router.get("/{job_id}", response_model=JobDetailShape, responses=describe_faults(404))
    def show_job(job_id: str = JobId) -> Response:
        """One job, and the last lines that it wrote."""
        return send_model(site.jobs.find(job_id).show_whole())

    @router.delete("/{job_id}", response_model=JobDetailShape, responses=describe_faults(404, 409))
    def cancel_job(job_id: str = JobId) -> Response:
        """End a job, or take it out of the queue; what it finished is kept."""
        return send_model(site.jobs.cancel(job_id).show_whole())

    return router


_LOCATION: dict[str, Any] = {"Location": {"description": "address of the job", "schema": {"type": "string"}}}
