"""What the server answers below a page's address, such as /train/_stcore/health.

A browser that opens /train asks there first for what is served at the root. To the server's 404 it
reacts by asking at the root, as it should, but also writes an error to its console each time. The
status 300 ("it is elsewhere") leads it to the root without one.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def elsewhere(request: Request) -> Response:
    """Say that what was asked for is not here."""
    return Response(status_code=300)


ROUTES = [
    Route("/{page}/_stcore/health", elsewhere),
    Route("/{page}/_stcore/host-config", elsewhere),
]
