"""A FastAPI route that publishes an alert. The payload class is the request's body: one definition for both.

Serve it: `pip install fastapi uvicorn`, then `uvicorn examples.fastapi_alert:app`.
"""

from __future__ import annotations

from fastapi import FastAPI

import tightbeam
from generated.alerts import Alert, alerts_channel

client = tightbeam.Client()
app = FastAPI(lifespan=client.lifespan)


@app.post("/alerts", status_code=202)
async def raise_alert(alert: Alert) -> None:
    """Tell everybody on duty. Publishing live needs no function, no run and no step."""
    await client.realtime.publish(alerts_channel.alert, alert)


@app.post("/disks/{disk}/full", status_code=202)
async def disk_full(disk: str) -> None:
    """The same from a dictionary: mypy knows its keys and the four severities."""
    await client.realtime.publish(alerts_channel.alert, {"message": f"{disk} is full", "severity": "high"})
