/** The examples synthesise, as their own apps and with what they promise. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { EchoStack } from "../../examples/echo/stack";
import { ProductsStack } from "../../examples/products/stack";
import { ReportsStack } from "../../examples/reports/stack";
import { ROOT, Synthesised, app, scratch } from "./support";

const TYPE = "Custom::SwitchyardMcpServer";

test("echo is open to anybody, at a price that has a limit", () => {
  const synthesised = new Synthesised(new EchoStack(app(), "Echo", { stage: "dev" }));
  assert.equal(synthesised.one("AWS::Lambda::Url").Properties["AuthType"], "NONE");
  assert.equal(synthesised.one("AWS::Lambda::Function").Properties["ReservedConcurrentExecutions"], 5);
  const { Properties: p } = synthesised.one(TYPE);
  assert.equal(synthesised.text(p["EndpointUrl"]), "{Server/Url.FunctionUrl}");
  assert.equal(p["AuthenticationType"], "none");
  assert.equal(p["AvailableTools"], undefined, "asked for at deployment");
});

test("echo answers in its protocol whatever it is sent", () => {
  const call = (params: unknown) => JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params });
  const cases: [body: string, code: number | undefined][] = [
    [call({ name: "echo", arguments: { message: "hello" } }), undefined],
    [call([1]), -32602],
    [call({ name: "echo", arguments: "hello" }), -32602],
    [call({ name: "shout" }), -32602],
    ["[".repeat(60_000), -32700],
    ["[]", -32600],
  ];
  const events = cases.map(([body]) => ({ requestContext: { http: { method: "POST" } }, rawPath: "/", body }));
  const program =
    "import json, sys, handler; print(json.dumps([handler.handler(e, None) for e in json.load(sys.stdin)]))";
  const printed = execFileSync("python3", ["-B", "-c", program], {
    cwd: path.join(ROOT, "examples/echo/server"),
    input: JSON.stringify(events),
    encoding: "utf8",
  });
  const answers = (JSON.parse(printed) as { body: string }[]).map(
    ({ body }) => JSON.parse(body) as { error?: { code: number } },
  );
  assert.deepEqual(
    answers.map(({ error }) => error?.code),
    cases.map(([, code]) => code),
  );
});

test("products is a GraphQL API whose key goes into its secret", () => {
  const synthesised = new Synthesised(new ProductsStack(app(), "Products", { stage: "dev" }));
  const { Properties: p } = synthesised.one(TYPE);
  assert.equal(synthesised.text(p["EndpointUrl"]), "{Api.GraphQLUrl}");
  assert.deepEqual([p["ProtocolType"], p["AuthenticationType"]], ["graphql", "api_key"]);
  const tools = JSON.parse(String(p["AvailableTools"])) as { name: string; annotations: object }[];
  assert.deepEqual(
    tools.map(({ name, annotations }) => [name, annotations]),
    [
      ["get_product", { readOnlyHint: true }],
      ["query_data", { readOnlyHint: true }],
    ],
  );
  const { Properties: secret } = synthesised.one("AWS::SecretsManager::Secret");
  assert.equal(secret["Name"], "switchyard/dev/mcp/products/api_key");
  assert.equal(synthesised.text(secret["SecretString"]), "{Api/DefaultApiKey.ApiKey}");
  const fields = [...synthesised.ofType("AWS::AppSync::Resolver").values()].map(({ Properties: r }) => r["FieldName"]);
  const schema = readFileSync(path.join(ROOT, "examples/products/schema.graphql"), "utf8");
  const [, queries = ""] = /type Query \{([^}]*)\}/.exec(schema) ?? [];
  assert.deepEqual(
    fields,
    [...queries.matchAll(/^ *(\w+)\(/gm)].map(([, name]) => name),
  );
});

test("reports is a Rust program behind a REST API with a key", () => {
  const programDirectory = scratch();
  writeFileSync(path.join(programDirectory, "bootstrap"), "");
  const synthesised = new Synthesised(new ReportsStack(app(), "Reports", { stage: "dev", programDirectory }));
  const { Properties: p } = synthesised.one(TYPE);
  assert.match(synthesised.text(p["EndpointUrl"]), /\/mcp$/);
  assert.match(synthesised.text(p["HealthCheckUrl"]), /\/health$/);
  assert.equal(p["AuthenticationType"], "api_key");
  assert.deepEqual(JSON.parse(String(p["Configuration"])), { read_only_tools: ["process_data", "generate_report"] });
  const variables = { AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH: "true" };
  assert.deepEqual(synthesised.one("AWS::Lambda::Function").Properties["Environment"], { Variables: variables });
});

test("an example's app is run by the command of its own cdk.json, and asks for the stage", () => {
  for (const example of ["echo", "products"]) {
    const directory = path.join(ROOT, "examples", example);
    const { app: command } = JSON.parse(readFileSync(path.join(directory, "cdk.json"), "utf8")) as { app: string };
    const outdir = scratch();
    const run = (context: object) =>
      execFileSync("sh", ["-c", command], {
        cwd: directory,
        encoding: "utf8",
        stdio: "pipe",
        env: { ...process.env, CDK_OUTDIR: outdir, CDK_CONTEXT_JSON: JSON.stringify(context) },
      });
    assert.throws(() => run({}), /say with which stage to register: -c stage=dev/);
    run({ stage: "dev" });
    const manifest = JSON.parse(readFileSync(path.join(outdir, "manifest.json"), "utf8")) as { artifacts: object };
    assert.ok(`Example-dev-${example}` in manifest.artifacts);
  }
});
