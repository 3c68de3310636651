"""Ask a service over HTTP whether it is ready, and until then why not."""

from typing import Final

import aiohttp

_TIMEOUT: Final = aiohttp.ClientTimeout(total=3.0)
_READY: Final = 200
_FAILING: Final = 503


async def http_ready(url: str) -> str | None:
    """Probe: None when `/readyz` at this address answers 200, else what it says is failing."""
    try:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session, session.get(f"{url}/readyz") as response:
            if response.status == _READY:
                return None
            if response.status == _FAILING:
                failing = (await response.json()).get("failing", {})
                return "; ".join(f"{name}: {reason}" for name, reason in failing.items()) or "not ready"
            return f"/readyz answers {response.status}"
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as exc:
        return str(exc) or type(exc).__name__
