/** Configuration for MCP clients, from what was deployed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { clientFiles, type Deployed } from "../deploy/clients";
import { readServers } from "../hosting/servers";
import { serversOf } from "./servers-support";

const { hosted } = readServers(serversOf().onLambda["serversFile"] ?? "");
const ARN = "arn:aws:lambda:eu-west-1:111122223333:function:mcp-server-time";
const GATEWAY = "https://switchyard-dev-x.gateway.bedrock-agentcore.eu-west-1.amazonaws.com/mcp";
const URL = "https://abc.lambda-url.eu-west-1.on.aws/";
const deployed = (outputs: Record<string, string>, gateway: Deployed["gateway"] = "none") => {
  const files = clientFiles({ stage: "dev", region: "eu-west-1", gateway, servers: hosted, outputs });
  return Object.fromEntries([...files].map(([name, text]) => [name, JSON.parse(text) as unknown]));
};
const bridged = (url: string, service: string) => ({
  command: "uvx",
  args: ["mcp-proxy-for-aws@1.7.0", url, "--service", service, "--region", "eu-west-1"],
});

test("functions alone are told in the form of the guide", () => {
  assert.deepEqual(deployed({ McpTimeLambdaArn: ARN }), {
    "agentcore.json": { mcpServers: { time: { type: "lambda", arn: ARN, description: "Tells the time" } } },
  });
  assert.deepEqual(deployed({}), {});
});

test("a gateway with signatures, and a URL, are reached through a bridge that signs", () => {
  const files = deployed({ GatewayUrl: GATEWAY, McpAsksUrl: URL }, "iam");
  const ways = {
    "switchyard-dev": bridged(GATEWAY, "bedrock-agentcore"),
    "switchyard-dev-asks": bridged(URL, "lambda"),
  };
  assert.deepEqual(files["cursor.json"], { mcpServers: ways });
  const typed = Object.fromEntries(Object.entries(ways).map(([name, way]) => [name, { type: "stdio", ...way }]));
  assert.deepEqual(files["claude.json"], { mcpServers: typed });
  assert.deepEqual(files["vscode.json"], { servers: typed });
});

test("a gateway with tokens is an address", () => {
  const files = deployed({ GatewayUrl: GATEWAY }, "jwt");
  assert.deepEqual(files["cursor.json"], { mcpServers: { "switchyard-dev": { url: GATEWAY } } });
  assert.deepEqual(files["vscode.json"], { servers: { "switchyard-dev": { type: "http", url: GATEWAY } } });
});
