"""Administration, partner set-up, and what other companies call."""

import json
import logging
from typing import Annotated, Any

from fastapi import APIRouter, Header, HTTPException, Request

log = logging.getLogger("shop.back_office")
router = APIRouter()


@router.get("/admin/export")
def export(request: Request, authorization: Annotated[str, Header()] = ""):
    if not authorization:
        raise HTTPException(401, "who are you?")
    # Nobody has the export role yet; keep what they sent so that we can see why they ask.
    log.warning("export refused, headers were %s", dict(request.headers))
    raise HTTPException(403, "not allowed")


@router.post("/webhooks/{provider}", status_code=202)
async def webhook(provider: str, request: Request, token: str = ""):
    payload = await request.json()
    log.info("webhook of %s with token %s: %s", provider, token, json.dumps(payload))
    return {"received": bool(token)}


@router.put("/partners/{partner}")
def configure_partner(partner: str, settings: dict[str, Any]):
    log.info("partner %s configured", partner, extra={"settings": settings})
    if url := settings.get("database_url"):
        log.error("cannot connect to %s, will try again", url)
    if key := settings.get("private_key"):
        log.info("deploy key of %s:\n%s", partner, key)
    return {"partner": partner}
