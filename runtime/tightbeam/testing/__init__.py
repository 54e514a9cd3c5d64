"""A test kit for code that publishes: the pytest fixtures ``published`` and ``faults``.

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
from tightbeam.testing._faults import Faults
from tightbeam.testing._recorder import Published

__all__ = ["Faults", "InjectedFault", "Published"]
