"""An MCP server with one tool, behind a function URL: streamable HTTP without sessions.

Source: Model Context Protocol 2025-11-25, "Lifecycle", "Transports", "Tools".
"""

import base64
import json
from datetime import datetime, timezone

VERSIONS = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]
LARGEST_MESSAGE = 64 * 1024

ECHO = {
    "name": "echo",
    "description": "Answers with the message that it is given.",
    "inputSchema": {
        "type": "object",
        "properties": {"message": {"type": "string", "description": "What to say.", "maxLength": 10000}},
        "required": ["message"],
        "additionalProperties": False,
    },
    "annotations": {"readOnlyHint": True, "openWorldHint": False},
}


class McpError(Exception):
    """An error of JSON-RPC: a code and a message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def handler(event: dict, context: object) -> dict:
    """The door: an event of a function URL in, an HTTP response out."""
    http = event["requestContext"]["http"]
    if http["method"] == "GET" and event["rawPath"] == "/health":
        return response(200, {"status": "healthy", "checks": {}, "timestamp": datetime.now(timezone.utc).isoformat()})
    if http["method"] != "POST" or event["rawPath"] != "/":
        return response(405 if event["rawPath"] == "/" else 404, {"error": "Send MCP messages with POST /."})
    try:
        message = json.loads(body_of(event))
    except (ValueError, RecursionError) as error:
        return response(400, failure(None, -32700, f"The body is no JSON: {error}"))
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        return response(400, failure(None, -32600, "Send one JSON-RPC 2.0 message."))
    if "id" not in message:
        return {"statusCode": 202}
    try:
        result = answer(message.get("method"), fields_of(message, "params"))
    except McpError as error:
        return response(200, failure(message["id"], error.code, str(error)))
    return response(200, {"jsonrpc": "2.0", "id": message["id"], "result": result})


def answer(method: object, params: dict) -> dict:
    """The result of a request."""
    if method == "initialize":
        wanted = params.get("protocolVersion")
        return {
            "protocolVersion": wanted if wanted in VERSIONS else VERSIONS[0],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "echo", "version": "1.0.0"},
        }
    if method == "ping":
        return {}
    if method == "tools/list":
        return {"tools": [ECHO]}
    if method == "tools/call":
        return call(params.get("name"), fields_of(params, "arguments"))
    raise McpError(-32601, f"There is no method {method}.")


def fields_of(parent: dict, name: str) -> dict:
    """An object that may be left out."""
    fields = parent.get(name) or {}
    if not isinstance(fields, dict):
        raise McpError(-32602, f"{name} must be an object.")
    return fields


def call(name: object, arguments: dict) -> dict:
    """Runs a tool. What is wrong with the arguments is for the model to read, so it is a result and no error."""
    if name != "echo":
        raise McpError(-32602, f"There is no tool {name}; there is echo.")
    message = arguments.get("message")
    if not isinstance(message, str) or len(message) > 10000 or len(arguments) != 1:
        return text("Give message, a string of at most 10000 characters, and nothing else.", is_error=True)
    return text(message)


def text(words: str, is_error: bool = False) -> dict:
    return {"content": [{"type": "text", "text": words}], "isError": is_error}


def body_of(event: dict) -> str:
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        body = base64.b64decode(body).decode()
    if len(body) > LARGEST_MESSAGE:
        raise ValueError(f"it is longer than {LARGEST_MESSAGE} characters")
    return body


def failure(request_id: object, code: int, message: str) -> dict:
    return {"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": message}}


def response(status: int, body: dict) -> dict:
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
