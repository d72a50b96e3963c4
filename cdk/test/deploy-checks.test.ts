/** What each check makes of the answers of AWS. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { connect, type Aws } from "../deploy/aws";
import { checkAgents } from "../deploy/checks/agents";
import { checkBootstrap } from "../deploy/checks/bootstrap";
import { checkCredentials } from "../deploy/checks/credentials";
import { checkMachine } from "../deploy/checks/machine";
import { checkSecrets } from "../deploy/checks/secrets";
import { checkStack, type StackState } from "../deploy/checks/stacks";
import { checkTables } from "../deploy/checks/tables";
import { failureOf } from "../deploy/failure";
import type { Finding } from "../deploy/finding";
import {
  ACCOUNT,
  AwsDouble,
  REGION,
  agents,
  callerIdentity,
  QUICK,
  json,
  queryError,
  restError,
  stackStatus,
  targetError,
  type Answer,
} from "./aws-double";

const PLACE = { account: ACCOUNT, region: REGION, qualifier: "hnb659fds" };

let double: AwsDouble;
let aws: Aws;
before(async () => {
  double = await AwsDouble.start();
  aws = connect(REGION, QUICK);
});
after(() => {
  double.stop();
});

/** A finding in one text, to be compared with what must be in it. */
const text = ({ state, summary, advice = [] }: Finding): string => [state, summary, ...advice].join("\n");

test("the machine check tells the build script's own sentence", async () => {
  const calls: unknown[] = [];
  const run = (status: number, output: string) => (program: string, args: readonly string[]) => {
    calls.push([program, ...args]);
    return Promise.resolve({ status, output });
  };
  assert.equal((await checkMachine(run(0, ""), "arm64")).state, "ok");
  const missing = await checkMachine(run(1, "the Rust target x is not installed: run `rustup`\n"), "arm64");
  assert.equal(text(missing), "problem\nthe Rust target x is not installed: run `rustup`");
  assert.deepEqual(calls, Array(2).fill(["scripts/build", "--check", "arm64"]));
});

test("credentials: who deploys, and where", async () => {
  double.set();
  const { finding, identity } = await checkCredentials(aws.sts, REGION, undefined);
  assert.equal(text(finding), `ok\naccount ${ACCOUNT}, region ${REGION}, arn:aws:iam::${ACCOUNT}:user/ann`);
  assert.equal(identity?.account, ACCOUNT);
  assert.equal((await checkCredentials(aws.sts, REGION, ACCOUNT)).identity?.account, ACCOUNT);
});

test("credentials of another account than the one asked for stop everything", async () => {
  double.set({ GetCallerIdentity: callerIdentity("999999999999") });
  const { finding, identity } = await checkCredentials(aws.sts, REGION, ACCOUNT);
  assert.equal(identity, undefined);
  assert.match(
    text(finding),
    /^problem\nthey are of the account 999999999999 .*, but ACCOUNT=123456789012\n.*AWS_PROFILE/,
  );
});

const REFUSED_CREDENTIALS: readonly (readonly [string, Answer, RegExp])[] = [
  [
    "expired",
    queryError(403, "ExpiredToken", "The security token included in the request is expired"),
    /^problem\nthey have expired\n.*aws sso login/,
  ],
  [
    "unknown",
    queryError(403, "InvalidClientTokenId", "The security token included in the request is invalid."),
    /^problem\nAWS does not accept them \(InvalidClientTokenId: [^\n]*\n[^]*region eu-central-1 may not be enabled/,
  ],
  [
    "wrongly signed",
    queryError(403, "SignatureDoesNotMatch", "The request signature we calculated does not match"),
    /^problem\nAWS does not accept them \(SignatureDoesNotMatch/,
  ],
  ["cut off", "hangup", /^problem\nAWS STS in eu-central-1 cannot be reached \(.+\)\n[^]*NODE_USE_ENV_PROXY/],
  ["silent", "silence", /^problem\nAWS STS in eu-central-1 cannot be reached \(.+\)/],
  [
    "failing",
    queryError(500, "InternalFailure", "try later"),
    /^problem\nAWS STS refused the question \(InternalFailure: try later\)/,
  ],
];
for (const [what, answer, expected] of REFUSED_CREDENTIALS) {
  test(`credentials: ${what}`, async () => {
    double.set({ GetCallerIdentity: answer });
    const { finding, identity } = await checkCredentials(aws.sts, REGION, undefined);
    assert.match(text(finding), expected);
    assert.equal(identity, undefined);
  });
}

test("credentials: none", async () => {
  double.set();
  const sts = Object.assign(Object.create(aws.sts) as typeof aws.sts, {
    send: () => Promise.reject(Object.assign(new Error("Could not load it."), { name: "CredentialsProviderError" })),
  });
  const { finding } = await checkCredentials(sts, REGION, undefined);
  assert.match(text(finding), /^problem\nnone were found \(Could not load it\)\n.*aws configure sso[^]*AWS_PROFILE/);
});

test("an address that answers to nobody is told as it is", () => {
  const refused = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:1"), { code: "ECONNREFUSED" });
  assert.equal(failureOf(refused).cause, "unreachable");
  const several = Object.assign(new AggregateError([refused], ""), { code: "ECONNREFUSED" });
  assert.deepEqual(failureOf(several), { cause: "unreachable", name: "ECONNREFUSED", message: refused.message });
  const unsigned = Object.assign(new Error("self-signed certificate"), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
  assert.equal(failureOf(unsigned).cause, "unreachable");
  assert.deepEqual(failureOf("odd"), { cause: "other", name: "Error", message: "odd" });
});

const NO_PARAMETER: Answer = { status: 400, headers: {}, body: '{"__type":"ParameterNotFound"}' };
const BOOTSTRAPS: readonly (readonly [string, Answer, RegExp])[] = [
  ["there", json({ Parameter: { Value: "6" } }), /^ok\nversion 6 in 123456789012\/eu-central-1$/],
  [
    "missing",
    NO_PARAMETER,
    /^problem\n123456789012\/eu-central-1 has none\n[^]*cdk bootstrap --app "[^"]+" aws:\/\/123456789012\/eu-central-1$/,
  ],
  ["too old", json({ Parameter: { Value: "5" } }), /^problem\n.* has version 5, and 6 is needed\n[^]*cdk bootstrap/],
  ["odd", json({ Parameter: { Value: "soon" } }), /^problem\n.* has version soon/],
  [
    "denied",
    targetError("AccessDeniedException", "User: ann is not authorized to perform: ssm:GetParameter"),
    /^unknown\nthese credentials may not ask: ssm:GetParameter is missing/,
  ],
  ["throttled", targetError("ThrottlingException", "Rate exceeded"), /^unknown\nAWS is throttling/],
  ["cut off", "hangup", /^unknown\nno answer \(/],
  [
    "failing",
    targetError("InternalServerError", "oops", 500),
    /^unknown\nssm:GetParameter failed: InternalServerError: oops/,
  ],
  [
    "expired meanwhile",
    targetError("ExpiredTokenException", "The security token included in the request is expired"),
    /^unknown\nssm:GetParameter failed: ExpiredTokenException: The security token/,
  ],
];
for (const [what, answer, expected] of BOOTSTRAPS) {
  test(`bootstrap: ${what}`, async () => {
    double.set({ GetParameter: answer });
    assert.match(text(await checkBootstrap(aws.ssm, PLACE)), expected);
  });
}

test("bootstrap: a qualifier is looked for, and named in the command", async () => {
  double.set({ GetParameter: NO_PARAMETER });
  const finding = await checkBootstrap(aws.ssm, { ...PLACE, qualifier: "team" });
  assert.match(text(finding), / --qualifier team --toolkit-stack-name CDKToolkit-team aws:/);
  assert.match(double.calls[0]!.body, /"\/cdk-bootstrap\/team\/version"/);
});

const AGENTS: readonly (readonly [string, Answer, RegExp])[] = [
  ["those of others", agents("support-desk", "x"), /^ok\ncan be created: eu-central-1 has 2$/],
  ["ours", agents("switchyard-dev-orchestrator", "x"), /^ok\n.* has 2, 1 of them of this stage$/],
  ["none", agents(), /^unknown\neu-central-1 has none, [^]*PROBE=1/],
  [
    "one that a probe left",
    agents("x", "switchyard-probe-delete-me"),
    /^warning\n[^]*delete-agent --region eu-central-1 --agent-id AGENT1 --skip/,
  ],
  ["denied", restError(403, "AccessDeniedException", "not authorized"), /^unknown\n.*bedrock:ListAgents is missing/],
  ["silent", "silence", /^unknown\nno answer/],
];
for (const [what, answer, expected] of AGENTS) {
  test(`agents: ${what}`, async () => {
    double.set({ ListAgents: answer });
    assert.match(text(await checkAgents(aws.bedrockAgent, REGION, "dev")), expected);
  });
}

test("agents are counted over all pages", async () => {
  const [first, second] = [agents("a"), agents("b")].map((page) => {
    assert.ok(typeof page !== "string");
    return JSON.parse(page.body) as object;
  });
  double.set({ ListAgents: [json({ ...first, nextToken: "more" }), json(second)] });
  assert.match((await checkAgents(aws.bedrockAgent, REGION, "dev")).summary, /has 2$/);
});

const stack = (presence: StackState["presence"]): StackState => ({
  busy: false,
  name: "Switchyard-dev-data",
  presence,
  finding: { state: "ok", subject: "", summary: "" },
});

const STACKS: readonly (readonly [string, StackState["presence"], RegExp])[] = [
  ["CREATE_COMPLETE", "present", /^ok\nwill be updated/],
  ["UPDATE_COMPLETE", "present", /^ok/],
  ["UPDATE_ROLLBACK_COMPLETE", "present", /^ok/],
  ["IMPORT_COMPLETE", "present", /^ok/],
  ["REVIEW_IN_PROGRESS", "absent", /^ok\nwill be created/],
  ["ROLLBACK_COMPLETE", "failed", /^warning\nits first creation failed[^]*creates it anew/],
  ["ROLLBACK_FAILED", "failed", /^warning/],
  ["CREATE_FAILED", "present", /^problem\n[^]*rollback-stack --region eu-central-1 --stack-name S$/],
  ["UPDATE_FAILED", "present", /^problem\n[^]*rollback-stack/],
  ["UPDATE_ROLLBACK_FAILED", "present", /^problem\n[^]*continue-update-rollback/],
  ["DELETE_FAILED", "present", /^problem\n[^]*make destroy/],
  ["UPDATE_IN_PROGRESS", "present", /^problem\nanother operation is under way \(UPDATE_IN_PROGRESS\)/],
  ["UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "present", /^problem\nanother operation/],
  ["SOMETHING_NEW", "unknown", /^unknown\nCloudFormation calls its status SOMETHING_NEW/],
];
for (const [status, presence, expected] of STACKS) {
  test(`a stack in ${status}`, async () => {
    double.set({ DescribeStacks: stackStatus(status) });
    const state = await checkStack(aws.cloudFormation, REGION, "S");
    assert.equal(state.presence, presence);
    assert.equal(state.busy, /^UPDATE.*_IN_PROGRESS$/.test(status));
    assert.match(text(state.finding), expected);
  });
}

test("a stack that is not there, and one that may not be looked at", async () => {
  double.set();
  assert.equal((await checkStack(aws.cloudFormation, REGION, "S")).presence, "absent");
  double.set({
    DescribeStacks: queryError(403, "AccessDenied", "not authorized to perform: cloudformation:DescribeStacks"),
  });
  const denied = await checkStack(aws.cloudFormation, REGION, "S");
  assert.equal(denied.presence, "unknown");
  assert.match(text(denied.finding), /^unknown\n.*cloudformation:DescribeStacks is missing/);
  double.set({ DescribeStacks: queryError(400, "ValidationError", "1 validation error detected") });
  const wrong = await checkStack(aws.cloudFormation, REGION, "S");
  assert.match(text(wrong.finding), /^unknown\n.*ValidationError: 1 validation error/);
});

const table = (status: string) => json({ Table: { TableName: "t", TableStatus: status } });
const tables = async (presence: StackState["presence"]) =>
  text(await checkTables(aws.dynamoDb, "dev", stack(presence)));

test("tables: made by the stack, made anew, or imported", async () => {
  double.set();
  assert.equal(await tables("absent"), "ok\nwill be created");
  assert.deepEqual(
    double.calls.map(({ body }) => body).sort(),
    ["DeploymentMemory-dev", "MCPServerRegistry-dev", "SwitchyardState-dev"].map((name) => `{"TableName":"${name}"}`),
  );
  double.set({ DescribeTable: table("ACTIVE") });
  assert.equal(await tables("present"), "ok\nbelong to Switchyard-dev-data");
  assert.deepEqual(double.calls, []);
  for (const presence of ["absent", "failed"] as const) {
    assert.match(
      await tables(presence),
      /^ok\nDeploymentMemory-dev, MCPServerRegistry-dev, SwitchyardState-dev exist: will be imported/,
    );
  }
  assert.match(await tables("unknown"), /^ok\n.*: what has no stack will be imported/);
});

test("tables: a single one, one that is busy, none that may be looked at", async () => {
  const missing = targetError("com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", "not found");
  const only = (name: string, answer: Answer) => ({
    DescribeTable: ({ body }: { body: string }) => (body.includes(name) ? answer : missing),
  });
  double.set(only("SwitchyardState", table("ACTIVE")));
  assert.match(await tables("absent"), /^ok\nSwitchyardState-dev exists: will be imported/);
  double.set(only("SwitchyardState", table("DELETING")));
  assert.match(await tables("absent"), /^problem\nSwitchyardState-dev is DELETING/);
  double.set({ DescribeTable: targetError("com.amazon.coral.service#AccessDeniedException", "no") });
  assert.match(await tables("absent"), /^unknown\n.*dynamodb:DescribeTable is missing/);
});

const secrets = async (presence: StackState["presence"]) =>
  (await checkSecrets(aws.secretsManager, REGION, "dev", stack(presence))).map(text);
const secret = (more: object = {}) => json({ ARN: "arn:aws:secretsmanager:x", Name: "n", ...more });

test("secrets: made by the stack or made anew", async () => {
  double.set();
  assert.deepEqual(await secrets("absent"), ["ok\nwill be created"]);
  assert.deepEqual(double.calls.map(({ body }) => (JSON.parse(body) as { SecretId: string }).SecretId).sort(), [
    "switchyard/dev/gitlab_token",
    "switchyard/dev/mcp/pipelines/api_key",
    "switchyard/dev/registration_tokens",
  ]);
  double.set({ DescribeSecret: secret() });
  assert.deepEqual(await secrets("present"), ["ok\nbelong to Switchyard-dev-data"]);
});

test("secrets: names that are taken", async () => {
  double.set({ DescribeSecret: secret({ DeletedDate: 1_795_000_000 }) });
  const scheduled = await secrets("absent");
  assert.equal(scheduled.length, 3);
  assert.match(
    scheduled[0]!,
    /^problem\nswitchyard\/dev\/gitlab_token was deleted by hand[^]*--force-delete-without-recovery --region eu-central-1 --secret-id switchyard\/dev\/gitlab_token$/,
  );
  double.set({ DescribeSecret: secret() });
  assert.match((await secrets("absent"))[0]!, /^problem\n.* exists, but no stack of this stage has it/);
  assert.match((await secrets("failed"))[0]!, /^unknown\n.* exists, and it does not show whether it belongs/);
});

test("secrets: one missing permission is told once", async () => {
  double.set({ DescribeSecret: targetError("AccessDeniedException", "no") });
  const [finding, ...rest] = await secrets("absent");
  assert.match(finding!, /^unknown\n.*secretsmanager:DescribeSecret is missing/);
  assert.deepEqual(rest, []);
});
