"""`fastmcp` 4.x as a client, as it comes: it finds the version by itself.

Usage: python fastmcp4.py http URL TOKEN | python fastmcp4.py stdio COMMAND…  (with the program's settings in the environment)
"""
import asyncio
import os
import sys

from day import day
from fastmcp import Client
from fastmcp.client.transports import StdioTransport, StreamableHttpTransport


async def main(way, *rest):
    if way == "stdio":
        transport = StdioTransport(command=rest[0], args=list(rest[1:]), env=dict(os.environ))
    else:
        transport = StreamableHttpTransport(rest[0], auth=rest[1])
    async with Client(transport) as client:
        await day(client.list_tools, client.call_tool_mcp, f"fastmcp4-{way}", False)


asyncio.run(main(*sys.argv[1:]))
