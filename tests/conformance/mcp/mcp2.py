"""The official client `mcp` 2.x, in the current protocol and as an older client that shakes hands.

Usage: python mcp2.py http|legacy URL TOKEN | python mcp2.py stdio COMMAND…  (with the program's settings in the environment)
"""
import asyncio
import os
import sys

import httpx2
from day import day
from mcp import Client, StdioServerParameters, types
from mcp.client.streamable_http import streamable_http_client

asked = []


async def confirm(context, params):
    asked.append(params.message)
    return types.ElicitResult(action="accept", content={"confirm": True})


async def main(way, *rest):
    if way == "stdio":
        server = StdioServerParameters(command=rest[0], args=list(rest[1:]), env=dict(os.environ))
    else:
        headers = {"Authorization": f"Bearer {rest[1]}"}
        server = streamable_http_client(rest[0], http_client=httpx2.AsyncClient(headers=headers, timeout=30))
    modern = way != "legacy"
    mode = "2026-07-28" if modern else "legacy"
    async with Client(server, mode=mode, elicitation_callback=confirm) as client:

        async def list_tools():
            return (await client.list_tools()).tools

        await day(list_tools, client.call_tool, f"mcp2-{way}", modern)
    assert len(asked) == (1 if modern else 0), asked


asyncio.run(main(*sys.argv[1:]))
