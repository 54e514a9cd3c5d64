"""A test kit for functions and channels: fixtures ``published``, ``started``, ``faults`` and ``clock``.

pytest finds them by itself where tightbeam is installed. Import the classes to annotate them:

    from tightbeam.testing import Faults, Published

    async def test_upload(published: Published, faults: Faults) -> None:
        faults.after("store")
        async with client:
            await client.run(process_upload, {"uploadId": "u1"})
        assert published(uploads_channel(upload_id="u1").result) == [Result(success=True, url="/u1")]
"""

from __future__ import annotations

from tightbeam._hooks.hook import InjectedFault
from tightbeam.testing._clock import Clock
from tightbeam.testing._faults import Faults
from tightbeam.testing._recorder import Published
from tightbeam.testing._settling import settle, settle_sync
from tightbeam.testing._started import Started, StartedRun, StartedState

__all__ = [
    "Clock",
    "Faults",
    "InjectedFault",
    "Published",
    "Started",
    "StartedRun",
    "StartedState",
    "settle",
    "settle_sync",
]
