"""Bodies of answers, read up to a length: a server may send without end."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx2

LARGEST = 64 * 2**20
_ENCODED = "content-encoding"


class TooLong(Exception):  # noqa: N818 - named as what it is
    """A body is longer than is read; the text says how long that is."""

    def __init__(self, most: int) -> None:
        super().__init__(f"more than {most / 2**20:g} MiB")


async def read_whole(got: httpx2.Response, most: int | None = None) -> httpx2.Response:
    """Read the body of an answer that is a stream so far, unpacked as it comes.

    Parameters
    ----------
    got : httpx2.Response
        Whose body nobody has begun to read; closed afterwards.
    most : int, optional
        Bytes of the unpacked body that are read at the most; 64 MiB if left out.

    Returns
    -------
    httpx2.Response
        The same answer with its body in memory.

    Raises
    ------
    TooLong
        If there is more, or the server says that there will be.
    httpx2.HTTPError
        If it does not come to its end.
    """
    most = LARGEST if most is None else most
    try:
        body = await _read(got, most)
    finally:
        await got.aclose()
    headers = got.headers
    if _ENCODED in headers:
        headers = headers.copy()
        del headers[_ENCODED]
    return type(got)(
        got.status_code,
        headers=headers,
        content=body,
        request=got.request,
        extensions=got.extensions,
    )


async def _read(got: httpx2.Response, most: int) -> bytes:
    announced = got.headers.get("content-length", "")
    if (
        len(announced) <= 20
        and announced.isascii()
        and announced.isdecimal()
        and int(announced) > most
    ):
        raise TooLong(most)
    parts = []
    left = most
    async with contextlib.aclosing(got.aiter_bytes()) as pieces:
        async for piece in pieces:
            left -= len(piece)
            if left < 0:
                raise TooLong(most)
            parts.append(piece)
    return b"".join(parts)
