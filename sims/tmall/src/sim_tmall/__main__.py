"""`python -m sim_tmall`: serve on HTTP_HOST and HTTP_PORT until stopped."""

import os

import uvicorn

from sim_tmall.app import create_app
from sim_tmall.settings import from_environment


def main() -> None:
    """Serve; the `Date` header is the platform's own, so uvicorn adds none."""
    uvicorn.run(
        create_app(from_environment()),
        host=os.environ.get("HTTP_HOST", "127.0.0.1"),
        port=int(os.environ.get("HTTP_PORT", "8000")),
        access_log=False,
        date_header=False,
        server_header=False,
    )


if __name__ == "__main__":
    main()
