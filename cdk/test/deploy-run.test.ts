/** A deployment from beginning to end: what happens in which order, and what the person reads. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { deploy } from "../deploy/deploy";
import { Mistake } from "../mistake";
import {
  AwsDouble,
  MAINTENANCE,
  REGION,
  agents,
  createdAgent,
  json,
  queryError,
  restError,
  stackStatus,
  targetError,
} from "./aws-double";
import { CHAT_URL, world, type Differences } from "./deploy-world";
import { ROOT } from "./support";

const CHECK = ["scripts/build", "--check", "arm64", "(keep all)"];
const BUILD = ["scripts/build", "arm64"];
const NO_BOOTSTRAP = targetError("ParameterNotFound", "");

let double: AwsDouble;
before(async () => {
  double = await AwsDouble.start();
});
after(() => {
  double.stop();
});

/** Deploys, and returns the exit status, the screen and the commands. */
async function deployed(differences: Differences = {}) {
  const made = world(differences);
  const status = await deploy(made);
  return { status, screen: made.screen(), commands: made.commands, root: made.root };
}

test("checks, then builds, then deploys, then says what to do", async () => {
  double.set();
  const { status, screen, commands } = await deployed();
  assert.equal(status, 0, screen);
  assert.deepEqual(commands.slice(0, 2), [CHECK, BUILD]);
  const [program, ...args] = commands[2]!;
  assert.equal(program, path.join("node_modules", ".bin", "cdk"));
  assert.deepEqual(args, [
    ...["deploy", "--all", "--import-existing-resources", "--outputs-file", `build/outputs/dev-${REGION}.json`],
    ...["--progress", "events", "--no-ci", "-c", `region=${REGION}`, "(keep errors)"],
  ]);
  assert.equal(commands.length, 3);
  assert.deepEqual(
    screen
      .split("\n")
      .slice(0, 12)
      .map((line) => line.split(":")[0]),
    [
      "ok               this machine",
      "ok               settings",
      "ok               credentials",
      "ok               CDK bootstrap",
      "ok               model global.anthropic.claude-sonnet-4-5-20250929-v1",
      "ok               form for Anthropic's models",
      "ok               stack Switchyard-dev-data",
      "ok               stack Switchyard-dev-service",
      "ok               tables",
      "ok               secrets",
      "ok               Bedrock Agents",
      "",
    ],
  );
  assert.match(screen, /\nBuilding for arm64\n\nDeploying to 123456789012, eu-central-1\n/);
  assert.doesNotMatch(screen, /What stands in the way|What to know|cannot be known/);
});

const TIME = `time: { name: Time, description: Tells the time, command: uvx, args: ["mcp-server-time@2026.10.19"] }`;

test("servers are packed before anything is deployed, and their clients are told at the end", async () => {
  double.set();
  const { status, screen, commands, root } = await deployed({ servers: TIME });
  assert.equal(status, 0, screen);
  assert.deepEqual(commands[2], ["node", "--import", "tsx", "cdk/hosting/pack.ts", "-c", `region=${REGION}`]);
  assert.equal(commands[3]?.[1], "deploy");
  assert.match(screen, /\nok {15}stack Switchyard-dev-servers: /);
  assert.match(screen, /\nPacking the MCP servers of servers.yaml\n/);
  assert.match(
    screen,
    /Configuration for MCP clients \(docs\/hosting-cdk.md\):\n {2}build\/clients\/dev-eu-central-1$/,
  );
  const file = path.join(root, "build", "clients", `dev-${REGION}`, "agentcore.json");
  const { mcpServers } = JSON.parse(readFileSync(file, "utf8")) as { mcpServers: Record<string, unknown> };
  assert.deepEqual(Object.keys(mcpServers), ["time"]);
});

test("a server that cannot be packed stops the deployment before it changes anything", async () => {
  double.set();
  const { status, screen, commands } = await deployed({
    servers: TIME,
    ends: { "node --import": { status: 1, output: "" } },
  });
  assert.equal(status, 1);
  assert.equal(commands.length, 3);
  assert.match(screen, /Not every server could be packed; nothing was deployed\.$/);
});

test("a mistake in servers.yaml is told before any call", async () => {
  double.set();
  const { status, screen } = await deployed({ servers: "Time: {}" });
  assert.equal(status, 1);
  assert.match(screen, /problem {10}settings: .*servers.yaml: Time.name: missing\n/);
  assert.deepEqual(double.calls, []);
});

test("the last screen: address, token, signed request, cost", async () => {
  double.set();
  const { screen } = await deployed();
  const last = screen.slice(screen.indexOf("Switchyard dev is deployed"));
  assert.ok(last.includes(`\nChat URL:\n  ${CHAT_URL}\n`));
  assert.ok(last.includes("put-secret-value \\\n    --region eu-central-1 --secret-id switchyard/dev/gitlab_token"));
  assert.ok(last.includes('curl --aws-sigv4 "aws:amz:eu-central-1:execute-api" --user "$AWS_ACCESS_KEY_ID:'));
  assert.ok(last.includes('eval "$(aws configure export-credentials --format env)"'));
  assert.match(last, /\n {2}nothing by the hour\n {2}2 secrets: US\$0\.80 a month\n {2}storage by the gigabyte/);
});

test("all that stands in the way is told together, and nothing is built", async () => {
  double.set({
    GetParameter: NO_BOOTSTRAP,
    GetInferenceProfile: restError(404, "ResourceNotFoundException", "no"),
    DescribeStacks: stackStatus("UPDATE_IN_PROGRESS"),
    ListAgents: agents(),
  });
  const missing = { status: 1, output: "no zig\n" };
  const { status, screen, commands } = await deployed({ ends: { "scripts/build --check": missing } });
  assert.equal(status, 1);
  assert.deepEqual(commands, [CHECK]);
  const told = screen.slice(screen.indexOf("What stands in the way:"));
  for (const problem of ["this machine: no zig", "CDK bootstrap: ", "model global.", "stack Switchyard-dev-data: "]) {
    assert.ok(told.includes(`\n- ${problem}`), problem);
  }
  assert.match(told, /What cannot be known before it is tried:\n\n- Bedrock Agents: /);
  assert.match(told, /Nothing was built or deployed\.$/);
  assert.ok(!double.called().includes("CreateAgent"), "nobody is asked about a probe that would help nothing");
});

for (const [what, variables, expected] of [
  ["settings", { STAGE: "Prod" }, /problem {10}settings: Settings .*\n {2}stage: "Prod" is not allowed/],
  ["the stage of this machine", { STAGE: "local" }, /problem {10}settings: stage: local .*make local/],
  ["a model", { CDK_ARGS: "-c model=us.amazon.nova-x-v1:0" }, /problem {10}settings: model .*geography us/],
] as const) {
  test(`wrong before any call: ${what}`, async () => {
    double.set();
    const { status, screen, commands } = await deployed({ variables });
    assert.equal(status, 1);
    assert.match(screen, expected);
    assert.deepEqual(commands, [CHECK]);
    assert.deepEqual(double.calls, []);
  });
}

test("a cdk.json that is no JSON is told", async () => {
  const made = world();
  writeFileSync(path.join(made.root, "cdk.json"), "{");
  await assert.rejects(
    deploy(made),
    (error) => error instanceof Mistake && error.message.startsWith("cdk.json cannot"),
  );
});

test("a wrong variable is a mistake before anything else", async () => {
  const made = world({ variables: { YES: "maybe" } });
  await assert.rejects(deploy(made), Mistake);
  assert.deepEqual(made.commands, []);
});

test("without credentials nothing else is asked", async () => {
  double.set({ GetCallerIdentity: queryError(403, "ExpiredToken", "expired") });
  const { status, screen, commands } = await deployed();
  assert.equal(status, 1);
  assert.match(screen, /- credentials: they have expired\.\n {2}Renew them/);
  assert.deepEqual(double.called(), ["GetCallerIdentity"]);
  assert.deepEqual(commands, [CHECK]);
});

test("what cannot be known does not stop the deployment", async () => {
  const denied = targetError("AccessDeniedException", "not authorized");
  double.set({
    GetParameter: denied,
    GetInferenceProfile: restError(403, "AccessDeniedException", "no"),
    DescribeStacks: queryError(403, "AccessDenied", "no"),
    DescribeTable: denied,
    DescribeSecret: denied,
    ListAgents: restError(403, "AccessDeniedException", "no"),
  });
  const { status, screen } = await deployed({ interactive: false, variables: { YES: "1" } });
  assert.equal(status, 0);
  assert.match(screen, /What cannot be known before it is tried:/);
  for (const permission of ["ssm:GetParameter", "bedrock:GetInferenceProfile", "cloudformation:DescribeStacks"]) {
    assert.ok(screen.includes(`${permission} is missing`), permission);
  }
});

test("without a terminal somebody must have approved beforehand", async () => {
  double.set();
  const refused = await deployed({ interactive: false });
  assert.equal(refused.status, 1);
  assert.match(refused.screen, /- approval: cdk asks before it changes permissions.*\n {2}YES=1/);
  assert.deepEqual(refused.commands, [CHECK]);

  for (const variables of [{ YES: "1" }, { CDK_ARGS: "--require-approval never" }]) {
    const { status, commands } = await deployed({ interactive: false, variables });
    assert.equal(status, 0);
    const args = commands[2]!.join(" ");
    assert.ok(args.includes("--require-approval never") && args.endsWith("(keep all)"), args);
  }
});

const PROBED = {
  CreateAgent: createdAgent,
  DeleteAgent: json({ agentId: "PROBE12345", agentStatus: "DELETING" }, 202),
};

test("a probe is made when it is asked for, and only where agents do not answer the question", async () => {
  double.set({ ...PROBED, ListAgents: agents() });
  const asked = await deployed({ variables: { PROBE: "1" } });
  assert.equal(asked.status, 0);
  assert.match(asked.screen, /ok {15}Bedrock Agents: can be created: the probe did/);
  double.set(PROBED);
  await deployed({ variables: { PROBE: "1" } });
  assert.ok(!double.called().includes("CreateAgent"));
});

for (const [answer, made] of [
  ["y", true],
  ["Yes", true],
  ["n", false],
  ["", false],
] as const) {
  test(`on a terminal the probe is offered: "${answer}"`, async () => {
    double.set({ ...PROBED, ListAgents: agents() });
    const { status, screen } = await deployed({ answers: [answer] });
    assert.equal(status, 0);
    assert.match(screen, /Create an agent in eu-central-1 and delete it at once, to find out\? \[y\/N\] /);
    assert.equal(double.called().includes("CreateAgent"), made);
    assert.equal(double.called().includes("DeleteAgent"), made);
  });
}

test("a probe that is refused for good stops before the build", async () => {
  double.set({ ListAgents: agents(), CreateAgent: restError(403, "AccessDeniedException", MAINTENANCE) });
  const { status, screen, commands } = await deployed({ variables: { PROBE: "1" } });
  assert.equal(status, 1);
  assert.deepEqual(commands, [CHECK]);
  assert.match(screen, /- Bedrock Agents: this account may not create agents: AWS has closed the service to it\./);
});

test("a build that fails is the end", async () => {
  double.set();
  const { status, screen, commands } = await deployed({ ends: { "scripts/build arm64": { status: 101, output: "" } } });
  assert.equal(status, 1);
  assert.deepEqual(commands, [CHECK, BUILD]);
  assert.match(screen, /The build failed; nothing was deployed\.$/);
});

const CDK_DEPLOY = `${path.join("node_modules", ".bin", "cdk")} deploy`;
/** As CloudFormation wraps what a service says, and cdk writes it. */
const WRAPPED =
  "Switchyard-dev-service | 12/48 | 10:02:11 | \u001b[31mCREATE_FAILED\u001b[39m | AWS::Bedrock::Agent | agent-app/Agent " +
  `\u001b[31m\u001b[1mResource handler returned message: "${MAINTENANCE.replaceAll(" Mode", "\n  Mode")} (Service: BedrockAgent, ` +
  'Status Code: 403, Request ID: 17caac5d)" (RequestToken: 1, HandlerErrorCode: AccessDenied)\u001b[22m';

for (const [what, output, expected] of [
  [
    "the service is closed to the account",
    WRAPPED,
    /This account may not create Bedrock agents\.\n {2}Since 2026-07-30/,
  ],
  ["the person said no", "\u001b[33mDeployment cancelled\u001b[39m", /The changes were not approved\./],
  [
    "the role is not known yet",
    'Resource handler returned message: "Access denied for operation. Ensure Agent role has valid permissions to use the inference profile"',
    /Bedrock did not know the agent's role yet\.\n.*Run `make deploy` again/,
  ],
  [
    "a secret keeps its name",
    "You can't create this secret because a secret with this name is already scheduled for deletion.",
    /A secret was deleted by hand/,
  ],
  [
    "something else has our name",
    "Import of existing resources failed for stack 'x' because the following resources need a DeletionPolicy of 'Retain' or",
    /Something with one of our names exists/,
  ],
  [
    "no bootstrap",
    "Switchyard-dev-data: SSM parameter /cdk-bootstrap/hnb659fds/version not found. Has the environment been bootstrapped?",
    /The account is not bootstrapped in this region/,
  ],
] as const) {
  test(`a deployment that fails is explained: ${what}`, async () => {
    double.set();
    const { status, screen } = await deployed({ ends: { [CDK_DEPLOY]: { status: 1, output } } });
    assert.equal(status, 1);
    assert.match(screen, /\nThe deployment failed\.\n/);
    assert.match(screen, expected);
    assert.match(screen, /tables stay, with all data/);
  });
}

test("an ordinary denial is not taken for the closed service", async () => {
  double.set();
  const output =
    'Resource handler returned message: "User: arn:aws:sts::123456789012:assumed-role/cdk is not authorized to perform: ' +
    'bedrock:CreateAgent on resource: * (Service: BedrockAgent, Status Code: 403)" (HandlerErrorCode: AccessDenied)';
  const { screen } = await deployed({ ends: { [CDK_DEPLOY]: { status: 1, output } } });
  assert.match(screen, /The deployment failed\.\n\nCloudFormation takes back/);
});

for (const outputs of ["empty", "no file"] as const) {
  test(`outputs of an earlier deployment are not taken for those of this one: ${outputs}`, async () => {
    double.set();
    const made = world({ variables: { CDK_ARGS: "--no-execute" }, outputs });
    const file = path.join(made.root, "build", "outputs", `dev-${REGION}.json`);
    mkdirSync(path.dirname(file), { recursive: true });
    const earlier = { ChatUrl: "https://old", GitLabTokenSecretName: "old" };
    writeFileSync(file, JSON.stringify({ "Switchyard-dev-service": earlier }));
    assert.equal(await deploy(made), 1);
    assert.match(made.screen(), /its outputs are missing/);
    assert.doesNotMatch(made.screen(), /https:\/\/old/);
  });
}

test("the program itself: without credentials, in words, and with the status for make", () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", "cdk/deploy/main.ts", "deploy"], {
    cwd: ROOT,
    encoding: "utf8",
    env: {
      PATH: process.env["PATH"],
      ARCH: "x86_64",
      REGION,
      YES: "1",
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_CONFIG_FILE: "/nonexistent",
      AWS_SHARED_CREDENTIALS_FILE: "/nonexistent",
    },
  });
  assert.equal(status, 1, stderr);
  assert.match(stdout, /\nproblem {10}credentials: none were found \(.+\)\n/);
  assert.match(stdout, /\nNothing was built or deployed\.\n$/);
  assert.equal(stderr, "");
});

test("the program itself says how it is used", () => {
  const { status, stderr } = spawnSync(process.execPath, ["--import", "tsx", "cdk/deploy/main.ts"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  assert.equal(status, 1);
  assert.equal(stderr, "usage: main.ts deploy|destroy\n");
});
