/** What `make deploy` relies on in the app and in cdk: bootstrap, import of tables, costs, names. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { test } from "node:test";
import { REQUIRED_BOOTSTRAP, bootstrapParameter } from "../deploy/checks/bootstrap";
import { secretsOf } from "../deploy/checks/secrets";
import { tablesOf } from "../deploy/checks/tables";
import { runIn } from "../deploy/command";
import { billing, tellCost } from "../deploy/cost";
import { curl } from "../deploy/screens";
import { DEFAULT_QUALIFIER } from "../deploy/settings";
import { serversStack } from "../names";
import { addSwitchyard } from "../switchyard";
import { serversOf } from "./servers-support";
import { NETWORK, ROOT, app, scratch, switchyard } from "./support";

/** All stacks of a deployment, those of the third-party servers among them. */
const all = () =>
  Object.values(switchyard({ ...serversOf().onLambda, ...NETWORK, vpcEndpoints: "false", routeTableIds: "" }));
const both = () => Object.values(switchyard());

test("the bootstrap that is checked is the one that the templates ask for", () => {
  const whole = app();
  const { data, service } = addSwitchyard(whole);
  for (const { stackName } of [data, service]) {
    const artifact = whole.synth().getStackByName(stackName);
    assert.equal(artifact.requiresBootstrapStackVersion, REQUIRED_BOOTSTRAP);
    assert.equal(artifact.bootstrapStackVersionSsmParameter, bootstrapParameter(DEFAULT_QUALIFIER));
  }
});

test("tables can be imported: fixed names, retained, and they are the ones that are looked for", () => {
  const tables = switchyard().data.ofType("AWS::DynamoDB::Table");
  assert.deepEqual([...tables.values()].map(({ Properties: p }) => p["TableName"]).sort(), [...tablesOf("dev")].sort());
  for (const [id, { DeletionPolicy }] of tables) assert.equal(DeletionPolicy, "Retain", id);
});

test("nothing else that is retained has a fixed name: an import would take it over unasked", () => {
  for (const { resources } of all()) {
    for (const [id, { Type, Properties: p, DeletionPolicy }] of Object.entries(resources)) {
      if (Type === "AWS::DynamoDB::Table" || DeletionPolicy?.startsWith("Retain") !== true) continue;
      const names = Object.keys(p).filter((key) => /^(Name|[A-Za-z]+Name)$/.test(key));
      assert.deepEqual(names, [], id);
    }
  }
});

test("the secrets that are looked for are those of the service stack, and go with it", () => {
  const secrets = [...switchyard().service.ofType("AWS::SecretsManager::Secret").values()];
  assert.deepEqual(secrets.map(({ Properties: p }) => p["Name"]).sort(), [...secretsOf("dev")].sort());
  for (const { DeletionPolicy } of secrets) assert.equal(DeletionPolicy, "Delete");
});

test("somebody has thought of what every resource costs when idle, and none is billed by the hour", () => {
  for (const { resources } of all()) {
    for (const [id, resource] of Object.entries(resources)) {
      const how = billing(resource);
      assert.ok(
        how !== undefined && how !== "hour",
        `${id}: ${resource.Type}: say in cdk/deploy/cost.ts what it costs`,
      );
    }
  }
});

test("costs are counted from the templates", () => {
  const told = tellCost(both().map(({ template }) => template.toJSON()));
  assert.deepEqual(told.slice(0, 2), ["nothing by the hour", "3 secrets: US$1.20 a month"]);
  const endpoint = (VpcEndpointType: string) => ({ Type: "AWS::EC2::VPCEndpoint", Properties: { VpcEndpointType } });
  const Resources = {
    A: endpoint("Interface"),
    B: endpoint("Gateway"),
    C: { Type: "AWS::CloudWatch::Alarm" },
    D: { Type: "X::Y::Z" },
    E: { Type: "AWS::Events::Rule" },
    F: { Type: "Custom::SwitchyardMcpServer" },
  };
  assert.deepEqual(tellCost([{ Resources }, {}]), [
    "1 interface endpoint of your VPC, by the hour and zone",
    "1 alarm: US$0.10 a month",
    "8 metrics of the health checks: US$2.40 a month; US$0.60 for each server that registers besides",
    "storage by the gigabyte: the tables and their continuous backups, the logs of a month, the uploaded zips",
    "not reckoned: X::Y::Z",
  ]);
});

test("the policy in the guide allows what the checks ask for, and nothing else", () => {
  const guide = readFileSync(path.join(ROOT, "docs", "deploy.md"), "utf8");
  const { Statement } = JSON.parse(/```json\n([^`]+)```/.exec(guide)?.[1] ?? "") as {
    Statement: { Sid: string; Action: string | string[] }[];
  };
  const allowed = Statement.filter(({ Sid }) => Sid !== "Deploy").flatMap(({ Action }) => Action);
  const sources = readdirSync(path.join(ROOT, "cdk", "deploy"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => readFileSync(path.join(ROOT, "cdk", "deploy", file), "utf8"));
  const commands = sources.flatMap((source) =>
    [...source.matchAll(/new ([A-Z][A-Za-z]+)Command\(|paginate([A-Z][A-Za-z]+)\(/g)].map((m) => m[1] ?? m[2] ?? ""),
  );
  const asked = [...new Set(commands)].filter((name) => name !== "GetCallerIdentity").sort();
  assert.deepEqual(allowed.map((action) => action.split(":")[1]).sort(), asked);
});

test("the app that only has names has the names of the real one, in the same order", () => {
  const output = path.join(scratch(), "names");
  const { status, stderr } = spawnSync(process.execPath, ["--import", "tsx", "cdk/deploy/names-app.ts"], {
    cwd: ROOT,
    encoding: "utf8",
    env: {
      PATH: process.env["PATH"],
      CDK_OUTDIR: output,
      CDK_CONTEXT_JSON: JSON.stringify({
        ...(JSON.parse(readFileSync(path.join(ROOT, "cdk.json"), "utf8")) as { context: object }).context,
        region: "eu-west-1",
      }),
    },
  });
  assert.equal(status, 0, stderr);
  const { artifacts } = JSON.parse(readFileSync(path.join(output, "manifest.json"), "utf8")) as {
    artifacts: Record<string, { type: string; environment?: string; dependencies?: string[] }>;
  };
  const stacks = Object.entries(artifacts).filter(([, { type }]) => type === "aws:cloudformation:stack");
  const { data, service } = addSwitchyard(app());
  const servers = serversStack("dev");
  assert.deepEqual(stacks.map(([name]) => name).sort(), [data.stackName, servers, service.stackName].sort());
  for (const [name, { environment }] of stacks) assert.equal(environment, "aws://unknown-account/eu-west-1", name);
  assert.ok(artifacts[service.stackName]?.dependencies?.includes(data.stackName));
  assert.ok(artifacts[servers]?.dependencies?.includes(service.stackName));
});

test("a program's streams are kept as asked, and its status comes back", async () => {
  const run = runIn(scratch(), { PATH: process.env["PATH"] });
  const script = "echo out; echo err >&2; exit 3";
  assert.deepEqual(await run("sh", ["-c", script], { keep: "all", quiet: true }), { status: 3, output: "out\nerr\n" });
  const { output } = await run("sh", ["-c", "echo err >&2"], { keep: "errors", quiet: true });
  assert.equal(output, "err\n");
  assert.equal((await run("sh", ["-c", "kill -9 $$"], { keep: "all", quiet: true })).status, 128);
  const long = await run("sh", ["-c", "head -c 3000000 /dev/zero | tr '\\0' x; echo end"], {
    keep: "all",
    quiet: true,
  });
  assert.ok(long.output.length === 1_000_000 && long.output.endsWith("xend\n"));
  await assert.rejects(run("no-such-program", []), /^Error: no-such-program cannot be started: /);
});

const HAS_CURL = spawnSync("curl", ["--version"]).status === 0;
test(
  "the request that is shown runs in a shell, with permanent keys and in a session",
  { skip: !HAS_CURL },
  async (context) => {
    const seen: { headers: IncomingHttpHeaders; body: string }[] = [];
    const server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk) => (body += String(chunk)));
      request.on("end", () => {
        seen.push({ headers: request.headers, body });
        response.end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    context.after(() => server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/dev/chat`;
    const keys = { PATH: process.env["PATH"], AWS_ACCESS_KEY_ID: "AKID", AWS_SECRET_ACCESS_KEY: "s/e+c" };
    for (const env of [keys, { ...keys, AWS_SESSION_TOKEN: "to/k+en==" }]) {
      const child = spawn("sh", ["-euc", curl(url, "eu-central-1").replace("--user", "--silent --user")], { env });
      // Without a session the variable may not even exist.
      assert.equal(await new Promise((resolve) => child.on("close", resolve)), 0);
    }
    const [permanent, session] = seen;
    const signed = (headers: IncomingHttpHeaders) => /SignedHeaders=([^,]+)/.exec(headers.authorization ?? "")?.[1];
    assert.equal(permanent!.body, '{"message":"Deploy bootstrap infrastructure for dev environment"}');
    assert.match(
      permanent!.headers.authorization ?? "",
      /Credential=AKID\/\d{8}\/eu-central-1\/execute-api\/aws4_request/,
    );
    assert.equal(permanent!.headers["x-amz-security-token"], undefined);
    assert.equal(signed(permanent!.headers), "content-type;host;x-amz-date");
    assert.equal(session!.headers["x-amz-security-token"], "to/k+en==");
    assert.equal(signed(session!.headers), "content-type;host;x-amz-date;x-amz-security-token");
  },
);
