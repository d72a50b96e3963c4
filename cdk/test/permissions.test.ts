/** What each role may do, exactly, and who may invoke each function. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HANDLERS } from "../names";
import { rights } from "./rights";
import { LOCAL, switchyard } from "./support";

const REGION = "us-east-1";
const arn = (service: string, resource: string) => `arn:aws:${service}:${REGION}:{AWS::AccountId}:${resource}`;
const settings = { region: REGION };

/** What every function may do. */
const base = (path: string) => [
  `logs:CreateLogStream logs:PutLogEvents on {${path}/Logs.Arn}`,
  "xray:PutTelemetryRecords xray:PutTraceSegments on *",
];
const SERVER_ROLES = "arn:aws:iam::{AWS::AccountId}:role/switchyard-mcp/dev/switchyard-dev-mcp-";
const MCP_SERVERS = [
  `lambda:InvokeFunction on ${arn("lambda", "function:*")} if {"StringEquals":{"aws:ResourceTag/switchyard-mcp":"dev"}}`,
  `Deny lambda:InvokeFunction on ${HANDLERS.map((bin) => arn("lambda", `function:switchyard-dev-${bin}`))
    .flatMap((one) => [one, `${one}:*`])
    .sort()
    .join(" ")}`,
  `secretsmanager:GetSecretValue on ${arn("secretsmanager", "secret:switchyard/dev/mcp/*")}`,
  `sts:AssumeRole on ${SERVER_ROLES}*`,
];
const table = (name: string) => arn("dynamodb", `table/${name}`);
const MODEL = "anthropic.claude-sonnet-4-5-20250929-v1:0";
const PROFILE = arn("bedrock", `inference-profile/global.${MODEL}`);
const AGENT = [
  `bedrock:InvokeModel bedrock:InvokeModelWithResponseStream on arn:aws:bedrock:::foundation-model/${MODEL} arn:aws:bedrock:${REGION}::foundation-model/${MODEL} ${PROFILE}`,
  `bedrock:GetInferenceProfile on ${PROFILE}`,
];

const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  "chat_handler/Role": [...base("chat_handler"), "bedrock:InvokeAgent on {agent-orchestrator/Alias.AgentAliasArn}"],
  "agent_invoker/Role": [
    ...base("agent_invoker"),
    "bedrock:InvokeAgent on {agent-app/Alias.AgentAliasArn} {agent-bootstrap/Alias.AgentAliasArn} {agent-compute/Alias.AgentAliasArn} {agent-tools/Alias.AgentAliasArn}",
  ],
  "memory_manager/Role": [
    ...base("memory_manager"),
    `dynamodb:GetItem dynamodb:PutItem on ${table("DeploymentMemory-dev")}`,
    `dynamodb:Query on ${["environment-index", "tenant-environment-index", "tenant-index"]
      .map((index) => table(`DeploymentMemory-dev/index/${index}`))
      .join(" ")}`,
  ],
  "mcp_proxy/Role": [
    ...base("mcp_proxy"),
    `dynamodb:Query on ${table("MCPServerRegistry-dev")} ${table("MCPServerRegistry-dev/index/status-index")}`,
    `dynamodb:BatchGetItem on ${table("MCPServerRegistry-dev")}`,
    `dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem on ${table("DeploymentMemory-dev")}`,
    `dynamodb:DeleteItem dynamodb:GetItem dynamodb:PutItem on ${table("SwitchyardState-dev")}`,
    ...MCP_SERVERS,
  ],
  "registration/Role": [
    ...base("registration"),
    `dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem on ${table("MCPServerRegistry-dev")}`,
    `dynamodb:DeleteItem dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem on ${table("SwitchyardState-dev")}`,
    "sns:Publish on {Approvals}",
    `lambda:ListTags on ${arn("lambda", "function:*")}`,
    ...MCP_SERVERS,
  ],
  "health_checker/Role": [
    ...base("health_checker"),
    `dynamodb:BatchGetItem dynamodb:UpdateItem on ${table("MCPServerRegistry-dev")}`,
    `dynamodb:Query on ${table("MCPServerRegistry-dev/index/status-index")}`,
    `dynamodb:BatchGetItem dynamodb:PutItem dynamodb:UpdateItem on ${table("SwitchyardState-dev")}`,
    "sns:Publish on {Approvals}",
    ...MCP_SERVERS,
  ],
  "registry_api/Role": [
    ...base("registry_api"),
    `dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem on ${table("MCPServerRegistry-dev")}`,
    `dynamodb:Query on ${["", "/index/protocol-index", "/index/stack-index", "/index/status-index"]
      .map((index) => table(`MCPServerRegistry-dev${index}`))
      .join(" ")}`,
    `dynamodb:DeleteItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem on ${table("SwitchyardState-dev")}`,
    `lambda:ListTags on ${arn("lambda", "function:*")}`,
    "sns:Publish on {Approvals}",
    ...MCP_SERVERS,
    "secretsmanager:GetSecretValue on {RegistrationTokens}",
  ],
  "Pipelines/pipelines/Role": [
    ...base("Pipelines/pipelines"),
    "secretsmanager:GetSecretValue on {Pipelines/ApiKey} {Pipelines/GitLabToken}",
  ],
  "agent-app/Role": AGENT,
  "agent-bootstrap/Role": AGENT,
  "agent-compute/Role": AGENT,
  "agent-tools/Role": AGENT,
  "agent-orchestrator/Role": AGENT,
};

test("each role may do exactly this", () => {
  assert.deepEqual(Object.fromEntries(rights(switchyard(settings).service)), EXPECTED);
});

test("on the local stage the roles differ in their names and agents only", () => {
  const local = Object.fromEntries(rights(switchyard({ ...LOCAL, ...settings }).service));
  const renamed = Object.entries(EXPECTED)
    .filter(([role]) => !role.startsWith("agent-"))
    .map(([role, rows]): [string, string[]] => [
      role,
      rows.map((row) =>
        row
          .replaceAll("-dev", "-local")
          .replaceAll("/dev/", "/local/")
          .replaceAll('"dev"', '"local"')
          .replaceAll(/\{agent-(\w+)\/Alias.AgentAliasArn\}/g, (_, name: string) =>
            arn("bedrock", `agent-alias/${name.toUpperCase().slice(0, 10)}/LOCAL`),
          ),
      ),
    ]);
  assert.deepEqual(local, Object.fromEntries(renamed));
});

/** Allowed statements with a wildcard, and why each cannot do without. */
const WILDCARDS: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/^xray:PutTelemetryRecords xray:PutTraceSegments on \*$/, "X-Ray has no resources for these actions"],
  [
    /^lambda:InvokeFunction on .*function:\* if .*aws:ResourceTag\/switchyard-mcp/,
    "any tagged function, and only those",
  ],
  [/^lambda:ListTags on .*function:\*$/, "reads the tag of a function that somebody wants to register"],
  [
    /^secretsmanager:GetSecretValue on \S+:secret:switchyard\/dev\/mcp\/\*$/,
    "one secret for each server, and a random suffix",
  ],
  [/^sts:AssumeRole on \S+:role\/switchyard-mcp\/dev\/switchyard-dev-mcp-\*$/, "one role for each server"],
  [
    /^bedrock:InvokeModel.* on arn:aws:bedrock:\*::foundation-model\/\S+ \S+:inference-profile\/us\.\S+$/,
    "the profile of a geography chooses the region",
  ],
];

test("no wildcard resource beyond what AWS requires", () => {
  const found = [settings, { ...settings, model: `us.${MODEL}` }]
    .flatMap((one) => [...rights(switchyard(one).service).values()].flat())
    .filter((row) => row.includes("*") && !row.startsWith("Deny "));
  const known = WILDCARDS.map(([, reason]) => `\n- ${reason}`).join("");
  for (const row of found) {
    assert.ok(
      WILDCARDS.some(([pattern]) => pattern.test(row)),
      `${row}\nThe only reasons for a wildcard are:${known}`,
    );
  }
  for (const [pattern, reason] of WILDCARDS) {
    assert.ok(
      found.some((row) => pattern.test(row)),
      `no right has this wildcard any more: ${String(pattern)} (${reason})`,
    );
  }
});

test("no managed policy but the one that API Gateway insists on", () => {
  for (const [role, { Properties }] of switchyard(settings).service.ofType("AWS::IAM::Role")) {
    const managed = ((Properties["ManagedPolicyArns"] ?? []) as unknown[]).map((one) =>
      switchyard(settings).service.text(one),
    );
    const expected =
      role === "ChatApi/Api/CloudWatchRole"
        ? ["arn:{AWS::Partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"]
        : [];
    assert.deepEqual(managed, expected, role);
  }
});

test("a function in the settings may be invoked without the tag", () => {
  const listed = "arn:aws:lambda:us-east-1:111122223333:function:theirs";
  const all = rights(switchyard({ ...settings, invocableFunctions: [listed] }).service);
  for (const role of ["mcp_proxy/Role", "registration/Role", "registry_api/Role", "health_checker/Role"]) {
    assert.ok(all.get(role)?.includes(`lambda:InvokeFunction on ${listed}`), role);
  }
});

test("each function may be invoked by exactly these", () => {
  const { service } = switchyard(settings);
  const permissions = [...service.ofType("AWS::Lambda::Permission").values()].map(({ Properties: p }) => {
    assert.equal(p["Action"], "lambda:InvokeFunction");
    const source = p["SourceArn"] === undefined ? "" : ` for ${service.text(p["SourceArn"])}`;
    const account = p["SourceAccount"] === undefined ? "" : ` of ${service.text(p["SourceAccount"])}`;
    return `${service.text(p["FunctionName"])} by ${service.text(p["Principal"])}${source}${account}`;
  });
  const agent = (bin: string, name: string) =>
    `{${bin}/Function.Arn} by bedrock.amazonaws.com for {agent-${name}/Agent.AgentArn} of {AWS::AccountId}`;
  assert.deepEqual(
    permissions.sort(),
    [
      agent("agent_invoker", "orchestrator"),
      agent("memory_manager", "orchestrator"),
      agent("mcp_proxy", "app"),
      agent("mcp_proxy", "bootstrap"),
      agent("mcp_proxy", "compute"),
      agent("mcp_proxy", "tools"),
      `{chat_handler/Function.Arn} by apigateway.amazonaws.com for ${arn("execute-api", "{ChatApi/Api}/{ChatApi/Api/DeploymentStage.dev}/POST/chat")}`,
      "{health_checker/Function.Arn} by events.amazonaws.com for {health_checker/Schedule.Arn}",
      `{registry_api/Function.Arn} by apigateway.amazonaws.com for ${arn("execute-api", "{RegistryApi/Api}/dev/*/*")}`,
    ].sort(),
  );
});

test("an agent's role is for the agents of this account only", () => {
  const { Properties } = switchyard(settings).service.one("AWS::IAM::Role", "agent-bootstrap/");
  const trust = Properties["AssumeRolePolicyDocument"] as { Statement: readonly Record<string, unknown>[] };
  assert.deepEqual(trust.Statement[0]?.["Principal"], { Service: "bedrock.amazonaws.com" });
  const condition = trust.Statement[0]["Condition"] as Record<string, Record<string, unknown>>;
  assert.deepEqual(condition["StringEquals"], { "aws:SourceAccount": { Ref: "AWS::AccountId" } });
  assert.equal(switchyard(settings).service.text(condition["ArnLike"]?.["aws:SourceArn"]), arn("bedrock", "agent/*"));
});
