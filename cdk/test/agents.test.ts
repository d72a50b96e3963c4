import assert from "node:assert/strict";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { parse, stringify } from "yaml";
import { loadAgents as load, type AgentSettings } from "../agents";
import { Mistake } from "../mistake";
import { readModel } from "../models";
import { localAgentId } from "../names";
import { AGENTS, scratch } from "./support";

const ENVIRONMENTS = ["dev", "test", "staging", "prod"];
const loadAgents = (directory: string, settings: Partial<AgentSettings> = {}) =>
  load(directory, { environments: ENVIRONMENTS, ...settings });

type Yaml = Record<string, unknown> & { action_groups: (Record<string, unknown> & { functions: YamlFunction[] })[] };
type YamlFunction = Record<string, unknown> & { parameters: Record<string, unknown>[] };

/** A copy of the agents, one of them changed. */
function changed(name: string, change: (agent: Yaml) => void): string {
  const directory = scratch();
  cpSync(AGENTS, directory, { recursive: true });
  const file = path.join(directory, `${name}.yaml`);
  const agent = parse(readFileSync(file, "utf8")) as Yaml;
  change(agent);
  writeFileSync(file, stringify(agent));
  return directory;
}

/** What is wrong with the agents of a directory, one a line, without the directory. */
function problems(directory: string, settings: Partial<AgentSettings> = {}): string[] {
  try {
    loadAgents(directory, settings);
  } catch (error) {
    if (error instanceof Mistake) return error.message.split("\n").map((line) => path.relative(directory, line));
    throw error;
  }
  return [];
}

const parameter = (name: string) => ({ name, type: "string", description: "A word." });

test("the orchestrator is told of all specialists, sorted", () => {
  const { orchestrator, specialists } = loadAgents(AGENTS);
  assert.deepEqual(
    specialists.map((agent) => agent.name),
    ["app", "bootstrap", "compute", "tools"],
  );
  const lines = specialists.map((agent) => `- ${agent.name}: ${agent.description}`).join("\n");
  assert.ok(orchestrator.instruction.includes(lines));
  assert.ok(!orchestrator.instruction.includes("{specialists}"));
});

test("enum, enum_from and default are written into the description", () => {
  const { orchestrator, specialists } = loadAgents(AGENTS);
  const invoke = orchestrator.actionGroups.flatMap((group) => group.functions).find((fn) => fn.name === "invoke_agent");
  const type = invoke?.parameters.find((p) => p.name === "agent_type");
  assert.match(type?.description ?? "", / Allowed values: app, bootstrap, compute, tools\.$/);
  assert.equal(type?.required, true);
  const bootstrap = specialists.find((agent) => agent.name === "bootstrap")?.actionGroups[0]?.functions[0]?.parameters;
  assert.match(bootstrap?.[0]?.description ?? "", / Allowed values: dev, test, staging, prod\.$/);
  assert.match(bootstrap?.[1]?.description ?? "", / Default: us-east-1\.$/);
  assert.equal(bootstrap?.[1]?.required, false);
});

test("a specialist needs one more file and nothing else", () => {
  const directory = changed("bootstrap", () => undefined);
  const database = parse(readFileSync(path.join(directory, "bootstrap.yaml"), "utf8")) as Yaml;
  writeFileSync(
    path.join(directory, "database.yaml"),
    stringify({ ...database, name: "database", description: "Databases." }),
  );
  const { orchestrator, specialists } = loadAgents(directory);
  assert.deepEqual(
    specialists.map((agent) => agent.name),
    ["app", "bootstrap", "compute", "database", "tools"],
  );
  assert.ok(orchestrator.instruction.includes("- database: Databases."));
});

test("one model for all agents can be set", () => {
  const { orchestrator, specialists } = loadAgents(AGENTS, { model: "amazon.nova-pro-v1:0" });
  for (const agent of [orchestrator, ...specialists]) assert.equal(agent.model.id, "amazon.nova-pro-v1:0");
});

const first = (agent: Yaml) => agent.action_groups[0]!.functions[0]!;
const WRONG: readonly (readonly [problem: string, change: (agent: Yaml) => void])[] = [
  [
    "action_groups[0].functions[1].parameters: 6 parameters, Bedrock allows at most 5",
    (agent) => (agent.action_groups[0]!.functions[1]!.parameters = ["a", "b", "c", "d", "e", "f"].map(parameter)),
  ],
  [
    "colour: unknown key, known are name, description, model, idle_session_seconds, instruction, action_groups",
    (agent) => (agent["colour"] = "red"),
  ],
  [
    "action_groups[0].functions[0].parameters[1].deflt: unknown key, known are name, type, description, required, enum, enum_from, default",
    (agent) => (first(agent).parameters[1]!["deflt"] = 1),
  ],
  ["instruction: missing", (agent) => delete agent["instruction"]],
  ['name: "boot" must be the file\'s name, "bootstrap"', (agent) => (agent["name"] = "boot")],
  ["description: 201 characters, at most 200 are allowed", (agent) => (agent["description"] = "ä".repeat(201))],
  ["idle_session_seconds: 59 is not allowed, it must be >= 60", (agent) => (agent["idle_session_seconds"] = 59)],
  [
    'idle_session_seconds: "long" is not allowed, it must be of type integer',
    (agent) => (agent["idle_session_seconds"] = "long"),
  ],
  [
    'model: "Claude" is not allowed: id of a Bedrock model or inference profile',
    (agent) => (agent["model"] = "Claude"),
  ],
  [
    "instruction: 2 characters with {specialists} written out, Bedrock takes 40 to 4000",
    (agent) => (agent["instruction"] = "Go"),
  ],
  ["action_groups: empty, there must be at least one", (agent) => (agent.action_groups = [])],
  [
    'action_groups[0].handler: "shell" is not allowed, it must be one of agent_invoker, memory_manager, mcp_proxy',
    (agent) => (agent.action_groups[0]!["handler"] = "shell"),
  ],
  ["action_groups[0].server_id: missing", (agent) => delete agent.action_groups[0]!["server_id"]],
  [
    "action_groups[0].server_id: only an action group with the handler mcp_proxy has one",
    (agent) => (agent.action_groups[0]!["handler"] = "memory_manager"),
  ],
  [
    "action_groups[0].handler: only the orchestrator invokes other agents",
    (agent) => Object.assign(agent.action_groups[0]!, { handler: "agent_invoker", server_id: undefined }),
  ],
  [
    'action_groups[1].name: "pipelines" is taken by action_groups[0]',
    (agent) => agent.action_groups.push(structuredClone(agent.action_groups[0]!)),
  ],
  [
    'action_groups[0].functions[0].name: "run__it" is not allowed: lower-case letters, digits and single underscores between them, a letter first; the tool\'s name with the handler mcp_proxy',
    (agent) => (first(agent)["name"] = "run__it"),
  ],
  [
    'action_groups[0].functions[0].parameters[2].name: "region" is taken by action_groups[0].functions[0].parameters[1]',
    (agent) => first(agent).parameters.push(parameter("region")),
  ],
  [
    "action_groups[0].functions[0].parameters[0].default: a required parameter has no default",
    (agent) => (first(agent).parameters[0]!["default"] = "dev"),
  ],
  [
    "action_groups[0].functions[0].parameters[1].default: 3 is not of the type string",
    (agent) => (first(agent).parameters[1]!["default"] = 3),
  ],
  [
    'action_groups[0].functions[0].parameters[1].default: "us-east-1" is not one of eu-west-1',
    (agent) => (first(agent).parameters[1]!["enum"] = ["eu-west-1"]),
  ],
  [
    'action_groups[0].functions[0].parameters[0].enum[0]: "dev" is not of the type integer',
    (agent) => Object.assign(first(agent).parameters[0]!, { type: "integer", enum: ["dev"] }),
  ],
  [
    "action_groups[0].functions[0].parameters[0].enum_from: cannot stand beside enum",
    (agent) => (first(agent).parameters[0]!["enum_from"] = "specialists"),
  ],
  [
    "action_groups[0].functions[0].parameters[0].description: 501 characters with allowed values and default, Bedrock allows at most 500",
    (agent) => (first(agent).parameters[0]!["description"] = "x".repeat(459)),
  ],
];

const group = (agent: Yaml) => agent.action_groups[0]!;
const WRONG_TOOLS: typeof WRONG = [
  ["action_groups[0].server_id: cannot stand beside tools", (agent) => (group(agent)["server_id"] = "weather")],
  [
    "action_groups[0].tools: only an action group with the handler mcp_proxy has them",
    (agent) => (group(agent)["handler"] = "memory_manager"),
  ],
  [
    "action_groups[0].tools.allow: empty, there must be at least one",
    (agent) => (group(agent)["tools"] = { allow: [] }),
  ],
  ["action_groups[0].tools.allow: missing", (agent) => (group(agent)["tools"] = { deny: ["a/b"] })],
  [
    'action_groups[0].tools.deny[0]: "weather" is not allowed: server/tool, where * stands for any characters: pipelines/*, */get_*',
    (agent) => (group(agent)["tools"] = { allow: ["*/*"], deny: ["weather"] }),
  ],
  [
    'action_groups[0].functions[0].name: "get_forecast" must be find_tools or call_tool beside tools',
    (agent) => (first(agent)["name"] = "get_forecast"),
  ],
  ["action_groups[0].functions[0].parameters: query is missing", (agent) => first(agent).parameters.shift()],
  [
    "action_groups[0].functions[0].parameters[2].name: find_tools takes query, limit and nothing else",
    (agent) => first(agent).parameters.push(parameter("server_id")),
  ],
  [
    "action_groups[0].functions[0].parameters[1].type: must be integer",
    (agent) => Object.assign(first(agent).parameters[1]!, { type: "number" }),
  ],
];

for (const [name, cases] of [
  ["bootstrap", WRONG],
  ["tools", WRONG_TOOLS],
] as const)
  for (const [problem, change] of cases) {
    test(`told of ${name}: ${problem}`, () => {
      assert.deepEqual(problems(changed(name, change)), [`${name}.yaml: ${problem}`]);
    });
  }

test("an environment that is not in the settings is told, with file, key path and both lists", () => {
  const directory = changed("bootstrap", (agent) => {
    first(agent).parameters[0]!["enum"] = ["dev", "qa", "live"];
  });
  assert.deepEqual(problems(directory, { environments: ["dev", "test", "staging", "prod"] }), [
    "bootstrap.yaml: action_groups[0].functions[0].parameters[0].enum: qa, live is not in the setting environments " +
      "(dev, test, staging, prod); the enum has dev, qa, live",
  ]);
  assert.deepEqual(problems(directory, { environments: [...ENVIRONMENTS, "qa", "live"] }), []);
});

test("an agent may offer fewer environments than there are, and enums of other parameters are its own", () => {
  const fewer = changed("bootstrap", (agent) => {
    first(agent).parameters[0]!["enum"] = ["dev"];
    first(agent).parameters[1]!["enum"] = ["us-east-1", "eu-west-1"];
  });
  assert.deepEqual(problems(fewer), []);
});

test("a model that cannot be called is told in its file, or once for all in the settings", () => {
  const own = changed("bootstrap", (agent) => (agent["model"] = "us.amazon.nova-pro-v1:0"));
  const reason = readModel("us.amazon.nova-pro-v1:0", "eu-west-1") as string;
  assert.deepEqual(problems(own, { region: "eu-west-1" }), [`bootstrap.yaml: model: ${reason}`]);
  assert.deepEqual(problems(own, { region: "us-east-1" }), []);
  assert.deepEqual(problems(own), [], "the region is not known");
  const message = { message: `model (cdk.json, or -c model=...): ${reason}` };
  assert.throws(() => loadAgents(own, { region: "eu-west-1", model: "us.amazon.nova-pro-v1:0" }), message);
});

test("an orchestrator without specialists has nobody to name", () => {
  const directory = scratch();
  cpSync(path.join(AGENTS, "orchestrator.yaml"), path.join(directory, "orchestrator.yaml"));
  assert.deepEqual(problems(directory), [
    "orchestrator.yaml: action_groups[0].functions[0].parameters[0].enum_from: gives no value, there is no specialist",
  ]);
});

test("what is no YAML is told with its file", () => {
  const directory = changed("bootstrap", () => undefined);
  writeFileSync(path.join(directory, "compute.yaml"), "name: compute\nname: again\n");
  assert.deepEqual(problems(directory), ["compute.yaml: not valid YAML: Map keys must be unique at line 2, column 1"]);
});

test("a directory without an orchestrator, or with .yml files, is refused", () => {
  const directory = scratch();
  writeFileSync(path.join(directory, "database.yml"), "");
  assert.deepEqual(problems(directory), [
    "database.yml: agents are read from *.yaml only, rename the file",
    "orchestrator.yaml: missing, it defines the agent that people talk to",
  ]);
});

test("what is told of a file is short and on one line, whatever stands in it", () => {
  const long = `x\u009b${"y".repeat(5000)}`;
  const [problem = ""] = problems(
    changed("bootstrap", (agent) => Object.assign(first(agent).parameters[0]!, { type: "integer", enum: [long] })),
  );
  assert.match(problem, /is not of the type|may not stand in it/);
  assert.ok(problem.length < 1000 && !/\p{Cc}/u.test(problem), problem);
  const deep = changed("bootstrap", () => undefined);
  writeFileSync(path.join(deep, "compute.yaml"), "[".repeat(100_000));
  for (const line of problems(deep)) assert.match(line, /^compute\.yaml: not valid YAML: /);
  const bomb = Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`);
  writeFileSync(path.join(deep, "compute.yaml"), ["a0: &a0 [x]", ...bomb].join("\n"));
  assert.match(problems(deep)[0] ?? "", /^compute\.yaml: not valid YAML: .*alias/);
});

test("two agents with the same local id are refused", () => {
  assert.equal(localAgentId("orchestrator"), "ORCHESTRAT");
  assert.equal(localAgentId("data_base"), "DATABASE");
  const directory = changed("bootstrap", () => undefined);
  const agent = parse(readFileSync(path.join(directory, "app.yaml"), "utf8")) as Yaml;
  writeFileSync(path.join(directory, "a_pp.yaml"), stringify({ ...agent, name: "a_pp" }));
  assert.deepEqual(problems(directory), [
    'app.yaml: name: "app" and "a_pp" have the same id APP on the local stage (first 10 letters and digits)',
  ]);
});
