import assert from "node:assert/strict";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { loadAgents } from "../agents";
import { AGENTS, LOCAL, scratch, switchyard, type Resource } from "./support";

const alias = (agentsDir: string, name: string) =>
  switchyard({ agentsDir }).service.one("AWS::Bedrock::AgentAlias", `agent-${name}/`).Properties;

/** A copy of the agents in which one text of a file is replaced. */
function edited(file: string, from: string, to: string): string {
  const directory = scratch();
  cpSync(AGENTS, directory, { recursive: true });
  const text = readFileSync(path.join(directory, file), "utf8");
  assert.ok(text.includes(from));
  writeFileSync(path.join(directory, file), text.replace(from, to));
  return directory;
}

test("an agent is what its file says", () => {
  const { service } = switchyard();
  const agent = service.one("AWS::Bedrock::Agent", "agent-compute/").Properties;
  assert.equal(agent["AgentName"], "switchyard-dev-compute");
  assert.equal(agent["AutoPrepare"], true);
  assert.equal(agent["IdleSessionTTLInSeconds"], 1800);
  assert.equal(agent["FoundationModel"], "us.anthropic.claude-sonnet-4-5-20250929-v1:0");
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

test("the alias moves when, and only when, the definition changes", () => {
  const before = alias(AGENTS, "bootstrap");
  assert.equal(before["AgentAliasName"], "live");
  assert.match(String(before["Description"]), /^definition [0-9a-f]{16}$/);
  assert.equal(before["RoutingConfiguration"], undefined, "a fixed version would never move");
  const commented = edited("bootstrap.yaml", "name: bootstrap", "# The foundation.\nname: bootstrap");
  assert.deepEqual(alias(commented, "bootstrap"), before);
  const other = edited("bootstrap.yaml", "us-east-1", "eu-west-1");
  assert.notEqual(alias(other, "bootstrap")["Description"], before["Description"]);
  assert.deepEqual(alias(other, "compute"), alias(AGENTS, "compute"));
  assert.notEqual(
    switchyard({ model: "amazon.nova-pro-v1:0" }).service.one("AWS::Bedrock::AgentAlias", "agent-bootstrap/")
      .Properties["Description"],
    before["Description"],
  );
});

test("a model without an inference profile needs the right to that model in this region only", () => {
  const { service } = switchyard({ model: "amazon.nova-pro-v1:0", region: "eu-west-1" });
  const [policy] = service.one("AWS::IAM::Role", "agent-app/").Properties["Policies"] as {
    PolicyDocument: { Statement: unknown };
  }[];
  assert.deepEqual(policy?.PolicyDocument.Statement, [
    {
      Effect: "Allow",
      Action: ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
      Resource: "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-pro-v1:0",
    },
  ]);
});

test("chat_handler knows the orchestrator, agent_invoker every specialist", () => {
  const { service } = switchyard();
  const variables = (bin: string) =>
    (
      service.one("AWS::Lambda::Function", `${bin}/`).Properties["Environment"] as {
        Variables: Record<string, unknown>;
      }
    ).Variables;
  assert.equal(
    service.text(variables("chat_handler")["ORCHESTRATOR_AGENT"]),
    "{agent-orchestrator/Agent.AgentId}/{agent-orchestrator/Alias.AgentAliasId}",
  );
  const agents = JSON.parse(service.text(variables("agent_invoker")["AGENTS"])) as Record<string, string>;
  assert.deepEqual(
    agents,
    Object.fromEntries(
      ["app", "bootstrap", "compute"].map((name) => [
        name,
        `{agent-${name}/Agent.AgentId}/{agent-${name}/Alias.AgentAliasId}`,
      ]),
    ),
  );
});

test("a file alone makes a specialist, with either engine", () => {
  const agentsDir = edited("app.yaml", "name: app", "name: app");
  const text = readFileSync(path.join(agentsDir, "bootstrap.yaml"), "utf8");
  writeFileSync(path.join(agentsDir, "database.yaml"), text.replace("name: bootstrap", "name: database"));
  const { service } = switchyard({ agentsDir });
  assert.equal(service.ofType("AWS::Bedrock::Agent").size, loadAgents(AGENTS).specialists.length + 2);
  assert.equal(
    service.one("AWS::Bedrock::Agent", "agent-database/").Properties["AgentName"],
    "switchyard-dev-database",
  );
  assert.ok(service.ofType("AWS::Lambda::Permission").has("agent-database/Invoke-mcp_proxy"));
  const local = switchyard({ ...LOCAL, agentsDir }).service.one("AWS::Lambda::Function", "agent_invoker/").Properties;
  const { AGENTS: known } = (local["Environment"] as { Variables: Record<string, string> }).Variables;
  assert.deepEqual(JSON.parse(known ?? ""), {
    app: "APP/LOCAL",
    bootstrap: "BOOTSTRAP/LOCAL",
    compute: "COMPUTE/LOCAL",
    database: "DATABASE/LOCAL",
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
  const { Variables: variables } = service.one("AWS::Lambda::Function", "chat_handler/").Properties["Environment"] as {
    Variables: unknown;
  };
  assert.deepEqual(variables, { STAGE: "local", ORCHESTRATOR_AGENT: "ORCHESTRAT/LOCAL", RESPONSE_MODE: "buffered" });
});
