/** The third-party servers of servers.yaml as functions with rights of their own, and as entries of the registry. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { readServers } from "../hosting/servers";
import { readSources } from "../hosting/sources";
import { Mistake } from "../mistake";
import { addSwitchyard } from "../switchyard";
import { complaints, nag } from "./nag";
import { rights } from "./rights";
import { YAML, serversOf } from "./servers-support";
import { LOCAL, NETWORK, ROOT, Synthesised, app, scratch, switchyard } from "./support";

const { onLambda, here } = serversOf();
const VPC = { ...NETWORK, vpcEndpoints: "false", routeTableIds: "" };
const settings = { region: "us-east-1", ...VPC, ...onLambda };
const HOSTED = ["time", "docs", "asks", "apart", "heavy"];

const stackWith = (more: object = {}): Synthesised => {
  const { servers } = switchyard({ ...settings, ...more });
  assert.ok(servers);
  return servers;
};
const local = (): Synthesised => {
  const { servers } = switchyard({ ...LOCAL, ...here });
  assert.ok(servers);
  return servers;
};
const functionOf = (id: string, stack = stackWith()) => stack.one("AWS::Lambda::Function", `Servers/${id}/`).Properties;
const registrationOf = (id: string) => stackWith().one("Custom::SwitchyardMcpServer", `Servers/${id}/`).Properties;
const refused = (yaml: string, more: object = {}) => {
  const { onLambda: other } = serversOf(yaml);
  assert.throws(
    () => switchyard({ ...settings, ...other, ...more }),
    (error: Error) => {
      assert.ok(error instanceof Mistake, error.stack);
      refused.told = error.message;
      return true;
    },
  );
};
refused.told = "";

test("each server that is hosted and enabled is a function with the name of the guide, and a log group", () => {
  const stack = stackWith();
  const names = [...stack.ofType("AWS::Lambda::Function").values()].map(({ Properties: p }) => p["FunctionName"]);
  assert.deepEqual(
    names,
    HOSTED.map((id) => `mcp-server-${id}`),
  );
  const groups = [...stack.ofType("AWS::Logs::LogGroup").values()].map(({ Properties: p }) => p["LogGroupName"]);
  assert.deepEqual(
    groups,
    HOSTED.map((id) => `/aws/lambda/mcp-server-${id}`),
  );
});

test("a second stage of the account gives its functions another beginning, which has to leave room for the id", () => {
  const stack = stackWith({ hostedNamePrefix: "mcp-server-test-" });
  assert.equal(functionOf("time", stack)["FunctionName"], "mcp-server-test-time");
  const id = "a".repeat(50);
  refused(`${id}: { name: A, description: A, command: bin/a, gateway: none }`, {
    hostedNamePrefix: "mcp-server-testing-",
  });
  assert.match(refused.told, /64 characters are allowed: choose a shorter id or hostedNamePrefix/);
});

test("in an account stdio_host takes the place of a managed runtime's client, or is the custom runtime", () => {
  const of = (id: string) => {
    const { Runtime, Handler, PackageType, Environment } = functionOf(id) as Record<string, unknown>;
    const { Variables } = Environment as { Variables: Record<string, string> };
    return [Runtime, Handler, PackageType, Variables["AWS_LAMBDA_EXEC_WRAPPER"]];
  };
  assert.deepEqual(of("time"), ["python3.13", "stdio_host", undefined, "/var/task/stdio_host"]);
  assert.deepEqual(of("docs"), ["nodejs22.x", "stdio_host", undefined, "/var/task/stdio_host"]);
  assert.deepEqual(of("asks"), ["provided.al2023", "bootstrap", undefined, undefined]);
  assert.deepEqual(of("heavy"), [undefined, undefined, "Image", undefined]);
});

test("an emulator ignores wrappers, streams nothing and has no VPC: there every server has a custom runtime", () => {
  const stack = local();
  for (const id of HOSTED) {
    const { Runtime, Handler, VpcConfig, Environment } = functionOf(id, stack) as Record<string, unknown>;
    assert.deepEqual([Runtime, Handler, VpcConfig], ["provided.al2023", "bootstrap", undefined], id);
    const { Variables } = Environment as { Variables: Record<string, string> };
    assert.equal(Variables["AWS_LAMBDA_EXEC_WRAPPER"], undefined);
    assert.equal(Variables["RESPONSE_MODE"], "buffer");
  }
  assert.equal(stack.one("AWS::Lambda::Url").Properties["InvokeMode"], "BUFFERED");
});

test("what servers.yaml says of memory, time, storage, architecture and concurrency is done, and has defaults", () => {
  const of = (id: string) => {
    const { MemorySize, Timeout, EphemeralStorage, Architectures, ReservedConcurrentExecutions } = functionOf(id);
    return [MemorySize, Timeout, EphemeralStorage, Architectures, ReservedConcurrentExecutions];
  };
  assert.deepEqual(of("docs"), [512, 20, { Size: 1024 }, ["x86_64"], 5]);
  assert.deepEqual(of("time"), [1024, 60, { Size: 512 }, ["arm64"], undefined]);
});

test("a function is told what its server needs, and nothing else", () => {
  const variables = (id: string) => (functionOf(id)["Environment"] as { Variables: unknown }).Variables;
  assert.deepEqual(variables("apart"), {
    STAGE: "dev",
    SECRET_PREFIX: "switchyard/dev/mcp/apart/",
    RESPONSE_MODE: "buffer",
  });
  assert.deepEqual(variables("asks"), {
    STAGE: "dev",
    SECRET_PREFIX: "switchyard/dev/mcp/asks/",
    RESPONSE_MODE: "stream",
    SIGNING_KEY_SECRET: "switchyard/dev/mcp/asks/signing_key",
    STATE_TABLE: "SwitchyardState-dev",
  });
});

test("a URL wants signatures and streams, and only its server has a key to sign with", () => {
  const stack = stackWith();
  const { AuthType, InvokeMode } = stack.one("AWS::Lambda::Url").Properties;
  assert.deepEqual([AuthType, InvokeMode], ["AWS_IAM", "RESPONSE_STREAM"]);
  const secret = stack.one("AWS::SecretsManager::Secret");
  assert.equal(secret.Properties["Name"], "switchyard/dev/mcp/asks/signing_key");
});

test("a URL answers browsers for the pages that may call, and for no others", () => {
  const { Cors } = stackWith().one("AWS::Lambda::Url").Properties as { Cors: Record<string, string[]> };
  assert.deepEqual(Cors["AllowOrigins"], ["https://pages.example"]);
  assert.deepEqual(Cors["AllowMethods"], ["GET", "POST"]);
  assert.ok(Cors["AllowHeaders"]?.includes("authorization") && Cors["AllowHeaders"].includes("mcp-session-id"));
  assert.equal(Cors["AllowCredentials"], undefined);
  const { onLambda: other } = serversOf("plain: { name: A, description: A, command: bin/a, function_url: true }");
  const { servers } = switchyard({ ...settings, ...other });
  assert.equal(servers?.one("AWS::Lambda::Url").Properties["Cors"], undefined);
});

test("Lambda keeps tenants apart only where every caller can name one", () => {
  const isolated = HOSTED.filter((id) => functionOf(id)["TenancyConfig"] !== undefined);
  assert.deepEqual(isolated, ["apart"]);
  assert.deepEqual(functionOf("apart")["TenancyConfig"], { TenantIsolationMode: "PER_TENANT" });
});

test("each role may do what servers.yaml says, read its own secrets, and nothing else", () => {
  const stack = stackWith();
  const base = (id: string) => `logs:CreateLogStream logs:PutLogEvents on {Servers/${id}/Logs.Arn}`;
  const traces = "xray:PutTelemetryRecords xray:PutTraceSegments on *";
  const secret = (name: string) =>
    `arn:aws:secretsmanager:us-east-1:{AWS::AccountId}:secret:switchyard/dev/mcp/docs/env/${name}-??????`;
  const all = Object.fromEntries(rights(stack));
  const { "Servers/asks/Role": asks = [], ...others } = all;
  assert.deepEqual(others, {
    "Servers/time/Role": [base("time"), traces],
    "Servers/apart/Role": [base("apart"), traces],
    "Servers/heavy/Role": [base("heavy"), traces],
    "Servers/docs/Role": [
      base("docs"),
      "pricing:GetProducts xray:PutTelemetryRecords xray:PutTraceSegments on *",
      `secretsmanager:GetSecretValue on ${secret("API_TOKEN")} ${secret("OTHER")}`,
      's3:GetObject s3:List* on arn:aws:s3:::docs-{AWS::AccountId}/* if {"StringEquals":{"aws:PrincipalAccount":"111122223333"}}',
    ],
  });
  // Its rights in the VPC are those of every function there; see network.test.ts.
  assert.deepEqual(
    asks.filter((row) => !row.includes("ec2:")),
    [
      base("asks"),
      "secretsmanager:GetSecretValue on {Servers/asks/SigningKey}",
      "dynamodb:DeleteItem dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem on " +
        "arn:aws:dynamodb:us-east-1:{AWS::AccountId}:table/SwitchyardState-dev " +
        'if {"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["rendezvous#asks#*"]},"Null":{"dynamodb:LeadingKeys":"false"}}',
    ],
  );
  assert.ok(asks.some((row) => row.startsWith("Deny ec2:") && row.includes(":function:mcp-server-asks")));
});

test("nobody may invoke a function by its own policy", () => {
  assert.equal(stackWith({ gateway: "iam", gatewayActions: "true" }).ofType("AWS::Lambda::Permission").size, 0);
});

test("a server is registered with the tools that were found, without what it says of them", () => {
  const docs = registrationOf("docs");
  assert.deepEqual(
    [docs["ServerName"], docs["Version"], docs["Status"], docs["AuthenticationType"], docs["Fingerprint"]],
    ["Documentation", "1.4.0", "active", "none", "hash-of-docs"],
  );
  const tools = JSON.parse(String(docs["AvailableTools"])) as Record<string, unknown>[];
  assert.deepEqual(
    tools.map((tool) => Object.keys(tool).sort()),
    [
      ["description", "inputSchema", "name"],
      ["description", "inputSchema", "name"],
    ],
  );
  // The registry and the agents take the whole schema; only a gateway gets a cleaned one.
  assert.ok(String(docs["AvailableTools"]).includes("anyOf"));
  const configuration = { read_only_tools: [], environment_argument: "stage", status_tool: "get_state" };
  assert.deepEqual(JSON.parse(String(docs["Configuration"])), configuration);
  assert.deepEqual(JSON.parse(String(docs["Metadata"])), { team: "docs" });
  assert.deepEqual(JSON.parse(String(registrationOf("time")["Configuration"])), {
    read_only_tools: ["get_current_time"],
  });
  assert.deepEqual(JSON.parse(String(registrationOf("asks")["Metadata"])), { deprecated: "Use docs instead" });
});

test("one whose tools nobody has looked up is asked for them, and one elsewhere is only registered", () => {
  assert.equal(registrationOf("asks")["AvailableTools"], undefined);
  assert.equal(registrationOf("elsewhere")["EndpointUrl"], "https://mcp.example.com/mcp");
});

test("what is not registered cannot be invoked by the registry either", () => {
  assert.equal(stackWith().ofType("Custom::SwitchyardMcpServer").size, 5);
  assert.deepEqual(functionOf("time")["Tags"], [{ Key: "switchyard-mcp", Value: "dev" }]);
  assert.equal(functionOf("apart")["Tags"], undefined);
});

test("a server is registered when its function, rights and secrets are there", () => {
  const { DependsOn = [] } = stackWith().one("Custom::SwitchyardMcpServer", "Servers/asks/");
  const parts = DependsOn.map((id) => stackWith().path(id));
  for (const part of ["Function", "Role/DefaultPolicy", "SigningKey"])
    assert.ok(parts.includes(`Servers/asks/${part}`), part);
});

test("alarms are made with a topic: errors, refused calls, and calls of which one in a hundred is long", () => {
  const topic = "arn:aws:sns:us-east-1:111122223333:on-call";
  assert.equal(stackWith().ofType("AWS::CloudWatch::Alarm").size, 0);
  const alarms = [...stackWith({ alarmTopicArn: topic }).ofType("AWS::CloudWatch::Alarm").values()];
  assert.deepEqual(
    alarms.map(({ Properties: p }) => p["AlarmName"]).sort(),
    HOSTED.flatMap((id) => ["duration", "errors", "throttles"].map((end) => `mcp-server-${id}-${end}`)).sort(),
  );
  const long = alarms.find(({ Properties: p }) => p["AlarmName"] === "mcp-server-docs-duration")?.Properties;
  assert.deepEqual(
    [long?.["ExtendedStatistic"], long?.["Threshold"], long?.["AlarmActions"]],
    ["p99", 16_000, [topic]],
  );
  assert.equal(
    switchyard({ ...LOCAL, ...here, alarmTopicArn: topic }).servers?.ofType("AWS::CloudWatch::Alarm").size,
    0,
  );
});

test("outputs: an ARN for each function, the URL, and the secrets to be made", () => {
  const outputs = stackWith().template.toJSON()["Outputs"] as Record<string, { Value: unknown }>;
  const arns = ["McpTimeLambdaArn", "McpDocsLambdaArn", "McpAsksLambdaArn", "McpApartLambdaArn", "McpHeavyLambdaArn"];
  assert.deepEqual(Object.keys(outputs).sort(), [...arns, "McpAsksUrl", "ServerSecrets"].sort());
  assert.equal(
    outputs["ServerSecrets"]?.Value,
    "switchyard/dev/mcp/docs/env/API_TOKEN switchyard/dev/mcp/docs/env/OTHER",
  );
});

test("some of the servers, or none", () => {
  const some = stackWith({ hostedServers: "docs,elsewhere" });
  assert.equal(some.ofType("AWS::Lambda::Function").size, 1);
  assert.equal(some.ofType("Custom::SwitchyardMcpServer").size, 2);
  assert.equal(switchyard({ ...settings, hostedServers: "none" }).servers, undefined);
});

for (const [what, yaml, more, expected] of [
  [
    "an id that is not there",
    YAML,
    { hostedServers: "time,tim" },
    /^hostedServers: tim is not there in .*; allowed: time, docs, /,
  ],
  ["a server that is not enabled", YAML, { hostedServers: "off" }, /^hostedServers: off is not enabled in /],
  [
    "a VPC that there is not",
    YAML,
    { vpcId: undefined, subnetIds: "", securityGroupIds: "" },
    /^asks: vpc is true in servers.yaml/,
  ],
  [
    "outputs that could not be told apart",
    "a-b: {name: A, description: A, command: b}\nab: {name: A, description: A, command: b}",
    {},
    /ab and a-b differ in hyphens only/,
  ],
] as const) {
  test(`refused: ${what}`, () => {
    refused(yaml, more);
    assert.match(refused.told, expected);
  });
}

test("a package that was made from something else is refused, and so is one that is missing", () => {
  const other = serversOf(YAML.replace("mcp-server-time@2026.1.26", "mcp-server-time@2026.1.27"));
  const told =
    /the package of the server time is older than its entry or for another machine: run "make servers-package"$/;
  const mixed = { ...settings, serversFile: other.onLambda["serversFile"] };
  assert.throws(() => switchyard(mixed), told);
  assert.throws(() => switchyard({ ...settings, architecture: "x86_64" }), told);
  assert.throws(
    () => switchyard({ ...settings, serverPackages: "/no/such.json" }),
    /does not exist: run "make servers-package"$/,
  );
});

test("on the local stage a server that is an image elsewhere is a zip like any other", () => {
  const { Runtime, PackageType } = functionOf("heavy", local());
  assert.deepEqual([Runtime, PackageType], ["provided.al2023", undefined]);
});

test("the servers of the repository fit into one stack with a gateway and alarms, and cdk-nag has nothing against their permissions", () => {
  const more = { region: "us-east-1", gateway: "iam", alarmTopicArn: "arn:aws:sns:us-east-1:111122223333:on-call" };
  const whole = app({ ...more, hostedServers: "all", serversFile: path.join(ROOT, "servers.yaml") });
  const directory = scratch();
  writeFileSync(path.join(directory, "Dockerfile"), "FROM scratch\n");
  const { servers } = addSwitchyard(whole, (config) => ({
    ...readSources(config),
    packageOf: ({ id }) => ({ directory, hash: id }),
  }));
  assert.ok(servers);
  const { template, resources } = new Synthesised(servers);
  assert.deepEqual(complaints(nag(whole)), []);
  const { hosted, remote } = readServers(path.join(ROOT, "servers.yaml"));
  const count = (type: string) => Object.values(resources).filter((one) => one.Type === type).length;
  assert.equal(count("AWS::Lambda::Function"), hosted.filter(({ enabled }) => enabled).length);
  const registered = [...hosted, ...remote].filter(({ enabled, registration }) => enabled && registration.register);
  assert.equal(count("Custom::SwitchyardMcpServer"), registered.length);
  // CloudFormation takes 1 MB and 500 resources.
  const size = JSON.stringify(template.toJSON()).length;
  assert.ok(size < 1_000_000, `${size} bytes`);
  assert.ok(Object.keys(resources).length < 400);
});
