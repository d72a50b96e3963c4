/** The agent that is created and deleted to see whether it can be. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { connect, type Aws } from "../deploy/aws";
import type { Finding } from "../deploy/finding";
import { probe } from "../deploy/probe";
import {
  AwsDouble,
  MAINTENANCE,
  QUICK,
  REGION,
  agents,
  createdAgent,
  json,
  restError,
  type Answer,
} from "./aws-double";

let double: AwsDouble;
let aws: Aws;
before(async () => {
  double = await AwsDouble.start();
  aws = connect(REGION, QUICK);
});
after(() => {
  double.stop();
});

const text = ({ state, summary, advice = [] }: Finding): string => [state, summary, ...advice].join("\n");

const deletedAgent = json({ agentId: "PROBE12345", agentStatus: "DELETING" }, 202);
const conflict = restError(409, "ConflictException", "Agent is in CREATING state");
const probing = async () => (await probe(aws.bedrockAgent, REGION, 1)).map(text);

test("the probe creates an agent without role or model, and deletes it", async () => {
  double.set({ CreateAgent: createdAgent, DeleteAgent: deletedAgent });
  assert.deepEqual(await probing(), ["ok\ncan be created: the probe did"]);
  const [creation, deletion, ...rest] = double.calls;
  const body = JSON.parse(creation!.body) as Record<string, unknown>;
  assert.equal(body["agentName"], "switchyard-probe-delete-me");
  assert.ok(!("agentResourceRoleArn" in body) && !("foundationModel" in body));
  assert.equal(deletion!.path, "/agents/PROBE12345/?skipResourceInUseCheck=true");
  assert.deepEqual(rest, []);
});

test("the probe waits until the agent can be deleted", async () => {
  double.set({ CreateAgent: createdAgent, DeleteAgent: [conflict, conflict, deletedAgent] });
  assert.deepEqual(await probing(), ["ok\ncan be created: the probe did"]);
  assert.equal(double.calls.length, 4);
});

test("the probe takes an agent that is gone for deleted", async () => {
  double.set({ CreateAgent: createdAgent, DeleteAgent: restError(404, "ResourceNotFoundException", "no such agent") });
  assert.deepEqual(await probing(), ["ok\ncan be created: the probe did"]);
});

for (const [what, answer, calls] of [
  ["may not be deleted", restError(403, "AccessDeniedException", "not authorized"), 2],
  ["is never ready", conflict, 11],
] as const) {
  test(`what the probe cannot delete is told with the command: ${what}`, async () => {
    double.set({ CreateAgent: createdAgent, DeleteAgent: answer });
    const [can, left, ...rest] = await probing();
    assert.equal(can, "ok\ncan be created: the probe did");
    assert.match(left!, /^warning\n.*\(PROBE12345\) may still be there: .+Exception[^]*--agent-id PROBE12345/);
    assert.deepEqual(rest, []);
    assert.equal(double.calls.length, calls);
  });
}

const REFUSED_PROBES: readonly (readonly [string, Answer, RegExp])[] = [
  [
    "closed to the account",
    restError(403, "AccessDeniedException", MAINTENANCE),
    /^problem\nthis account may not create agents[^]*maintenance mode[^]*make local[^]*agents-classic-maintenance-mode/,
  ],
  [
    "an ordinary denial",
    restError(
      403,
      "AccessDeniedException",
      "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: bedrock:CreateAgent on resource: arn:aws:bedrock:eu-central-1:123456789012:agent/*",
    ),
    /^unknown\nthese credentials may not ask: bedrock:CreateAgent is missing/,
  ],
  ["there already", restError(409, "ConflictException", "name exists"), /^ok\ncan be created/],
  ["a quota", restError(402, "ServiceQuotaExceededException", "200 agents"), /^problem\n.*quota \(200 agents\)/],
  ["refused", restError(400, "ValidationException", "role wanted"), /^unknown\n.*ValidationException: role wanted/],
];
for (const [what, answer, expected] of REFUSED_PROBES) {
  test(`the probe: ${what}`, async () => {
    double.set({ CreateAgent: answer });
    const [finding, ...rest] = await probing();
    assert.match(finding!, expected);
    assert.deepEqual(rest, []);
    assert.ok(!double.called().includes("DeleteAgent"));
  });
}

for (const [what, answer] of [
  ["cut off", "hangup"],
  ["silent", "silence"],
  ["failing", restError(500, "InternalServerException", "oops")],
] as const) {
  test(`an agent whose creation was not answered is looked for: ${what}`, async () => {
    double.set({
      CreateAgent: answer,
      ListAgents: agents("x", "switchyard-probe-delete-me"),
      DeleteAgent: deletedAgent,
    });
    assert.deepEqual(await probing(), ["ok\ncan be created: the probe did"]);
    assert.match(double.calls.at(-1)!.path, /^\/agents\/AGENT1\//);

    double.set({ CreateAgent: answer, ListAgents: agents("x") });
    const [unknown, ...none] = await probing();
    assert.match(unknown!, /^unknown\n/);
    assert.deepEqual(none, []);

    double.set({ CreateAgent: answer, ListAgents: restError(403, "AccessDeniedException", "no") });
    const [still, left] = await probing();
    assert.match(still!, /^unknown\n/);
    assert.match(left!, /^warning\n.*\(id unknown\) may still be there[^]*list-agents --region eu-central-1/);
  });
}

test("an agent without an id is told", async () => {
  double.set({ CreateAgent: json({ agent: {} }, 202) });
  const [can, left] = await probing();
  assert.match(can!, /^ok\n/);
  assert.match(left!, /^warning\n.*Bedrock did not tell its id/);
});

test("Ctrl-C waits for the deletion", async () => {
  double.set({ CreateAgent: createdAgent, DeleteAgent: [conflict, deletedAgent] });
  const found = probe(aws.bedrockAgent, REGION, 50);
  process.kill(process.pid, "SIGINT");
  assert.deepEqual((await found).map(text), ["ok\ncan be created: the probe did"]);
  assert.equal(process.listenerCount("SIGINT"), 0);
});
