"""A webhook: JSON that no type checker can see, so the schema decides when it is published.

Serve it: `pip install fastapi uvicorn`, then `WEBHOOK_SECRET=… uvicorn examples.webhook:app`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from typing import Annotated, Any

from fastapi import FastAPI, Header, HTTPException, Request

import tightbeam
from generated.orders import orders_channel

client = tightbeam.Client()
app = FastAPI(lifespan=client.lifespan)


@app.post("/carrier/{order_id}", status_code=202)
async def carrier(order_id: int, request: Request, signature: Annotated[str, Header()] = "") -> None:
    """Pass on what the carrier says about an order, if it really was the carrier and fits the definition."""
    body = await request.body()
    secret = os.environ["WEBHOOK_SECRET"].encode()
    if not hmac.compare_digest(signature, hmac.new(secret, body, hashlib.sha256).hexdigest()):
        raise HTTPException(401, "not signed by the carrier")
    state: Any = json.loads(body)
    try:
        await client.realtime.publish(orders_channel(region="eu", order_id=order_id).state, state)
    except tightbeam.InvalidPayload as error:
        raise HTTPException(422, str(error)) from error
