/** How deployed servers are tried, on functions that answer as a test says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { serversOfOutputs, table, tryServer, type Invoke } from "../hosting/deployed-test";

const SERVER = { id: "time", functionName: "mcp-server-time" };
const NO_TOOL = { error: { code: -32603, message: "Internal error: Missing bedrockAgentCoreToolName in context" } };
const TOOLS = { jsonrpc: "2.0", id: 1, result: { tools: [{ name: "now" }, { name: "then" }] } };
const answers =
  (withoutTool: unknown, list: unknown): Invoke =>
  (functionName, event) => {
    assert.equal(functionName, SERVER.functionName);
    return Promise.resolve("method" in event ? list : withoutTool);
  };

test("a server that serves answers both ways, and its tools are counted", async () => {
  const trial = await tryServer(SERVER, answers(NO_TOOL, TOOLS));
  assert.deepEqual([trial.id, trial.tools, trial.problem], ["time", 2, undefined]);
  assert.ok(trial.firstMs >= 0 && trial.nextMs !== undefined && trial.nextMs >= 0);
});

for (const [what, withoutTool, list, problem] of [
  ["is no host", {}, TOOLS, /^an event without a tool was answered with \{\}$/],
  ["has another error", { error: { code: -32603, message: "x" } }, TOOLS, /^an event without a tool was answered/],
  ["answers nothing", undefined, TOOLS, /^an event without a tool was answered with nothing$/],
  [
    "does not start",
    NO_TOOL,
    { error: { code: -32000, message: "the server does not start" } },
    /^tools\/list was answered with .*does not start/,
  ],
  ["says too much", NO_TOOL, { text: "x".repeat(1_000) }, /^tools\/list was answered with .{300}…$/],
] as const) {
  test(`a server that ${what} does not serve`, async () => {
    const trial = await tryServer(SERVER, answers(withoutTool, list));
    assert.match(trial.problem ?? "", problem);
    assert.equal(trial.tools, undefined);
  });
}

test("a function that fails is told with its error", async () => {
  const trial = await tryServer(SERVER, () => Promise.reject(new Error("Unhandled: timed out")));
  assert.equal(trial.problem, "Error: Unhandled: timed out");
});

test("the table has a line for each server, and says why one does not serve", () => {
  const lines = table([
    { id: "time", firstMs: 1234.5, nextMs: 6.4, tools: 2 },
    { id: "a-longer-name", firstMs: 0, problem: "Error: no" },
  ]).split("\n");
  assert.deepEqual(lines, [
    "server                 tools  first ms   next ms",
    "time           ok          2      1235         6",
    "a-longer-name  failed      -         0         -  Error: no",
  ]);
});

test("servers are found by the outputs of the stack", () => {
  const arn = (name: string) => `arn:aws:lambda:eu-west-1:111122223333:function:${name}`;
  const outputs = new Map([
    ["McpTimeLambdaArn", arn("mcp-server-time")],
    ["McpAwsdocsLambdaArn", arn("mcp-server-aws-docs")],
    ["McpTimeUrl", "https://x.lambda-url.eu-west-1.on.aws/"],
    ["GatewayArn", "arn:aws:bedrock-agentcore:eu-west-1:111122223333:gateway/x"],
  ]);
  assert.deepEqual(serversOfOutputs(outputs, "mcp-server-"), [
    { functionName: "mcp-server-aws-docs", id: "aws-docs" },
    { functionName: "mcp-server-time", id: "time" },
  ]);
});
