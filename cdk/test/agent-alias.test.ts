/** The alias `live` moves to a new version of its agent when, and only when, Bedrock is told something else of the agent. */
import assert from "node:assert/strict";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { parse, stringify } from "yaml";
import { AGENTS, copyOfAgents, switchyard, zipDirectory } from "./support";

type Yaml = Record<string, unknown> & { action_groups: (Record<string, unknown> & { functions: YamlFunction[] })[] };
type YamlFunction = Record<string, unknown> & { parameters: Record<string, unknown>[] };
type Settings = Readonly<Record<string, unknown>>;

/** A copy of the agents, one of them changed. */
function changed(name: string, change: (agent: Yaml) => void): Settings {
  const agentsDir = copyOfAgents();
  const file = path.join(agentsDir, `${name}.yaml`);
  const agent = parse(readFileSync(file, "utf8")) as Yaml;
  change(agent);
  writeFileSync(file, stringify(agent));
  return { agentsDir };
}

/** All that an agent's alias is made of. */
const alias = (name: string, settings: Settings = { agentsDir: AGENTS }) =>
  switchyard(settings).service.one("AWS::Bedrock::AgentAlias", `agent-${name}/`).Properties;

test("the alias has no version of its own, and a description that stands for the definition", () => {
  const { AgentAliasName: name, Description: description, ...rest } = alias("bootstrap");
  assert.equal(name, "live");
  assert.match(String(description), /^definition [0-9a-f]{16}$/);
  assert.deepEqual(Object.keys(rest), ["AgentId"], "a fixed version in RoutingConfiguration would never move");
});

const group = (agent: Yaml) => agent.action_groups[0]!;
const fn = (agent: Yaml) => group(agent).functions[0]!;
const environment = (agent: Yaml) => fn(agent).parameters[0]!;
const region = (agent: Yaml) => fn(agent).parameters[1]!;
const MOVES: Readonly<Record<string, (agent: Yaml) => void>> = {
  instruction: (agent) => (agent["instruction"] = `${String(agent["instruction"])} Be brief.`),
  model: (agent) => (agent["model"] = "amazon.nova-pro-v1:0"),
  description: (agent) => (agent["description"] = "Other."),
  "time to live": (agent) => (agent["idle_session_seconds"] = 60),
  "action group's name": (agent) => (group(agent)["name"] = "foundation"),
  "action group's description": (agent) => (group(agent)["description"] = "Other."),
  "action group's function": (agent) => {
    group(agent)["handler"] = "memory_manager";
    delete group(agent)["server_id"];
  },
  "another action group": (agent) => agent.action_groups.push({ ...group(agent), name: "more" }),
  "function's name": (agent) => (fn(agent)["name"] = "execute_pipeline"),
  "function's description": (agent) => (fn(agent)["description"] = "Other."),
  "one function less": (agent) => group(agent).functions.pop(),
  "parameter's name": (agent) => (region(agent)["name"] = "aws_region"),
  "parameter's type": (agent) => Object.assign(region(agent), { type: "integer", default: 1 }),
  "parameter's description": (agent) => (region(agent)["description"] = "Other."),
  "allowed values": (agent) => (environment(agent)["enum"] = ["dev", "test"]),
  "default value": (agent) => (region(agent)["default"] = "eu-west-1"),
  "no default": (agent) => delete region(agent)["default"],
  "not required": (agent) => (environment(agent)["required"] = false),
  "one parameter more": (agent) => fn(agent).parameters.push({ name: "note", type: "string", description: "A note." }),
};

test("the alias moves with every part of the definition, each time elsewhere", () => {
  const descriptions = new Map([[String(alias("bootstrap")["Description"]), "as it is"]]);
  for (const [what, change] of Object.entries(MOVES)) {
    const settings = changed("bootstrap", change);
    const description = String(alias("bootstrap", settings)["Description"]);
    assert.equal(descriptions.get(description), undefined, `${what} looks like another change`);
    descriptions.set(description, what);
    assert.deepEqual(alias("compute", settings), alias("compute"), `${what}: another agent's alias stays`);
  }
});

test("the alias moves with the model of the settings", () => {
  assert.notDeepEqual(alias("bootstrap", { model: "amazon.nova-pro-v1:0" }), alias("bootstrap"));
});

test("the orchestrator's alias moves with what it is told of the specialists, and with nothing else of them", () => {
  const told = changed("compute", (agent) => (agent["description"] = "Other."));
  assert.notDeepEqual(alias("orchestrator", told), alias("orchestrator"));
  const { agentsDir } = changed("compute", () => undefined) as { agentsDir: string };
  const text = readFileSync(path.join(agentsDir, "compute.yaml"), "utf8");
  writeFileSync(path.join(agentsDir, "database.yaml"), text.replace("name: compute", "name: database"));
  assert.notDeepEqual(alias("orchestrator", { agentsDir }), alias("orchestrator"));
  assert.deepEqual(alias("bootstrap", { agentsDir }), alias("bootstrap"));
  const untold = changed("compute", (agent) => (agent["instruction"] = `${String(agent["instruction"])} Be brief.`));
  assert.deepEqual(alias("orchestrator", untold), alias("orchestrator"));
});

const STAYS: Readonly<Record<string, () => Settings>> = {
  "nothing changed": () => changed("bootstrap", () => undefined),
  "a comment in the file": () => {
    const agentsDir = copyOfAgents();
    appendFileSync(path.join(agentsDir, "bootstrap.yaml"), "# The foundation.\n");
    return { agentsDir };
  },
  // CloudFormation knows parameters by name.
  "parameters in another order": () => changed("bootstrap", (agent) => fn(agent).parameters.reverse()),
  // mcp_proxy reads it from its own copy of the file; Bedrock is not told.
  "another server id": () => changed("bootstrap", (agent) => (group(agent)["server_id"] = "other")),
  "an instruction of another agent": () => changed("app", (agent) => (agent["instruction"] = "x".repeat(50))),
  "functions for another machine, with other timeouts": () => ({ architecture: "x86_64", responseMode: "BUFFERED" }),
  "other settings": () => ({ throttleRate: 3, allowedNetworks: "10.0.0.0/8", protectedEnvironments: "staging" }),
};

for (const [what, settings] of Object.entries(STAYS)) {
  test(`the alias stays: ${what}`, () => {
    assert.deepEqual(alias("bootstrap", settings()), alias("bootstrap"));
  });
}

test("the alias stays where it is when only the code of its functions changes", () => {
  const settings = { lambdaZipDir: zipDirectory(Buffer.from("#!/bin/sh\nexit 1\n")) };
  const code = (one: Settings) => switchyard(one).service.one("AWS::Lambda::Function", "mcp_proxy/").Properties["Code"];
  assert.notDeepEqual(code(settings), code({}), "the code did change");
  for (const name of ["orchestrator", "bootstrap", "compute", "app"])
    assert.deepEqual(alias(name, settings), alias(name));
});
