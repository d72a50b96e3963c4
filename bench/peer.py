"""Calls a tool through run-mcp-servers-with-aws-lambda, as a warm Lambda function does, and prints the time of each call in ms.

usage: peer.py '{"command": [...], "env": {...}, "tool": "...", "arguments": {...}, "text": "...", "calls": 20}'

An answer without that text ends the run: a measurement of wrong answers is none.
"""

import json
import logging
import sys
import time
from types import SimpleNamespace

from mcp.client.stdio import StdioServerParameters
from mcp_lambda import BedrockAgentCoreGatewayTargetHandler, StdioServerAdapterRequestHandler

logging.disable(logging.CRITICAL)
wanted = json.loads(sys.argv[1])
command, *arguments = wanted["command"]
server = StdioServerParameters(command=command, args=arguments, env=wanted["env"])
handler = BedrockAgentCoreGatewayTargetHandler(StdioServerAdapterRequestHandler(server))
context = SimpleNamespace(
    aws_request_id="1",
    client_context=SimpleNamespace(custom={"bedrockAgentCoreToolName": "hosted___" + wanted["tool"]}),
)
times = []
for _ in range(wanted["calls"]):
    start = time.perf_counter()
    result = handler.handle(wanted["arguments"], context)
    times.append((time.perf_counter() - start) * 1000)
    text = json.dumps(result)
    if wanted["text"] not in text:
        sys.exit("the peer answered " + text)
print(json.dumps(times))
