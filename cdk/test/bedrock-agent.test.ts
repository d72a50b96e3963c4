import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { loadAgents } from "../agents";
import { Mistake } from "../mistake";
import { AGENTS, LOCAL, copyOfAgents, switchyard, type Resource } from "./support";

const ENVIRONMENTS = ["dev", "test", "staging", "prod"];

test("an agent is what its file says", () => {
  const { service } = switchyard();
  const agent = service.one("AWS::Bedrock::Agent", "agent-compute/").Properties;
  assert.equal(agent["AgentName"], "switchyard-dev-compute");
  assert.equal(agent["AutoPrepare"], true);
  assert.equal(agent["IdleSessionTTLInSeconds"], 1800);
  assert.equal(agent["FoundationModel"], "global.anthropic.claude-sonnet-4-5-20250929-v1:0");
  const [group] = agent["ActionGroups"] as Record<string, unknown>[];
  assert.equal(group?.["ActionGroupName"], "pipelines");
  assert.equal(
    service.text((group["ActionGroupExecutor"] as Record<string, unknown>)["Lambda"]),
    "{mcp_proxy/Function.Arn}",
  );
  const [fn] = (group["FunctionSchema"] as { Functions: Record<string, unknown>[] }).Functions;
  assert.equal(fn?.["Name"], "execute_compute_pipeline");
  assert.deepEqual((fn["Parameters"] as Record<string, unknown>)["instance_count"], {
    Type: "integer",
    Description: "How many instances. Default: 1.",
    Required: false,
  });
});

test("Bedrock finds the role with its rights when it creates the agent, and callers find the agent with its handlers", () => {
  const { service } = switchyard();
  for (const [at, agent] of service.ofType("AWS::Bedrock::Agent")) {
    const role = at.replace("/Agent", "/Role");
    assert.deepEqual(
      (agent.DependsOn ?? []).map((id) => service.path(id)),
      [role],
    );
  }
  const waits = (resource: Resource) => (resource.DependsOn ?? []).map((id) => service.path(id)).sort();
  assert.deepEqual(waits(service.one("AWS::Bedrock::AgentAlias", "agent-orchestrator/")), [
    "agent-orchestrator/Invoke-agent_invoker",
    "agent-orchestrator/Invoke-memory_manager",
  ]);
});

/** The statements about models in the role of an agent, with such settings. */
function modelRights(settings: Readonly<Record<string, unknown>>): unknown {
  const { service } = switchyard(settings);
  const policies = service.one("AWS::IAM::Role", "agent-app/").Properties["Policies"] as {
    PolicyDocument: { Statement: { Action: unknown; Resource: unknown }[] };
  }[];
  return policies.flatMap(({ PolicyDocument: { Statement } }) =>
    Statement.map(({ Action, Resource }) => [
      Action,
      [Resource]
        .flat()
        .map((one) => service.text(one))
        .sort(),
    ]),
  );
}

const INVOKE = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"];

test("a model without an inference profile needs the right to that model in this region only", () => {
  assert.deepEqual(modelRights({ model: "amazon.nova-pro-v1:0", region: "eu-west-1" }), [
    [INVOKE, ["arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-pro-v1:0"]],
  ]);
});

test("a global profile needs the right to its model in this region and in none that an ARN names", () => {
  const profile = "arn:aws:bedrock:eu-west-1:{AWS::AccountId}:inference-profile/global.amazon.nova-2-lite-v1:0";
  assert.deepEqual(modelRights({ model: "global.amazon.nova-2-lite-v1:0", region: "eu-west-1" }), [
    [
      INVOKE,
      [
        "arn:aws:bedrock:::foundation-model/amazon.nova-2-lite-v1:0",
        "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-2-lite-v1:0",
        profile,
      ],
    ],
    ["bedrock:GetInferenceProfile", [profile]],
  ]);
});

test("a geography's profile needs the right to its model wherever it is routed", () => {
  const profile = "arn:aws:bedrock:eu-west-1:{AWS::AccountId}:inference-profile/eu.amazon.nova-pro-v1:0";
  assert.deepEqual(modelRights({ model: "eu.amazon.nova-pro-v1:0", region: "eu-west-1" }), [
    [INVOKE, ["arn:aws:bedrock:*::foundation-model/amazon.nova-pro-v1:0", profile]],
    ["bedrock:GetInferenceProfile", [profile]],
  ]);
});

test("a profile of another geography than the region's is refused, if there is a region and Bedrock runs the agents", () => {
  const model = "us.amazon.nova-pro-v1:0";
  assert.throws(() => switchyard({ model, region: "eu-west-1" }), Mistake);
  assert.doesNotThrow(() => switchyard({ model, region: "us-west-2" }));
  assert.doesNotThrow(() => switchyard({ model }));
  assert.doesNotThrow(() => switchyard({ ...LOCAL, model, region: "eu-west-1" }));
});

test("the agents that Switchyard comes with can be deployed wherever Bedrock is", () => {
  for (const region of ["us-east-1", "eu-central-1", "ap-south-1", "sa-east-1"]) {
    assert.doesNotThrow(() => switchyard({ region }), region);
  }
});

test("chat_handler knows the orchestrator, agent_invoker every specialist", () => {
  const { service } = switchyard();
  assert.equal(
    service.text(service.environment("chat_handler")["ORCHESTRATOR_AGENT"]),
    "{agent-orchestrator/Agent.AgentId}/{agent-orchestrator/Alias.AgentAliasId}",
  );
  const agents = JSON.parse(service.text(service.environment("agent_invoker")["AGENTS"])) as Record<string, string>;
  assert.deepEqual(
    agents,
    Object.fromEntries(
      ["app", "bootstrap", "compute", "tools"].map((name) => [
        name,
        `{agent-${name}/Agent.AgentId}/{agent-${name}/Alias.AgentAliasId}`,
      ]),
    ),
  );
});

test("a file alone makes a specialist, with either engine", () => {
  const agentsDir = copyOfAgents();
  const text = readFileSync(path.join(agentsDir, "bootstrap.yaml"), "utf8");
  writeFileSync(path.join(agentsDir, "database.yaml"), text.replace("name: bootstrap", "name: database"));
  const { service } = switchyard({ agentsDir });
  const { specialists } = loadAgents(AGENTS, { environments: ENVIRONMENTS });
  assert.equal(service.ofType("AWS::Bedrock::Agent").size, specialists.length + 2);
  assert.equal(
    service.one("AWS::Bedrock::Agent", "agent-database/").Properties["AgentName"],
    "switchyard-dev-database",
  );
  assert.ok(service.ofType("AWS::Lambda::Permission").has("agent-database/Invoke-mcp_proxy"));
  const { AGENTS: known } = switchyard({ ...LOCAL, agentsDir }).service.environment("agent_invoker");
  assert.deepEqual(JSON.parse(String(known)), {
    app: "APP/LOCAL",
    bootstrap: "BOOTSTRAP/LOCAL",
    compute: "COMPUTE/LOCAL",
    database: "DATABASE/LOCAL",
    tools: "TOOLS/LOCAL",
  });
});

test("the local engine creates nothing in Bedrock", () => {
  const { data, service } = switchyard(LOCAL);
  const types = [...Object.values(data.resources), ...Object.values(service.resources)].map(
    (resource) => resource.Type,
  );
  assert.deepEqual(
    types.filter((type) => type.startsWith("AWS::Bedrock")),
    [],
  );
  assert.deepEqual(service.environment("chat_handler"), {
    ORCHESTRATOR_AGENT: "ORCHESTRAT/LOCAL",
    RESPONSE_MODE: "buffered",
  });
});
