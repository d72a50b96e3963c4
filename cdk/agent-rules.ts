/** Rules for agents that a schema cannot express. */
import type { AgentFile, FunctionFile, ParameterFile, ParameterType } from "./agent-file";
import { ORCHESTRATOR, localAgentId } from "./names";
import type { Report } from "./yaml-file";

/** Parameter that names an environment, in whichever function. */
const ENVIRONMENT = "environment";

/** The functions of an action group with `tools`, as mcp_proxy answers them: type of each parameter, and which must be there. */
const TOOL_FUNCTIONS = new Map<string, ReadonlyMap<string, { readonly type: ParameterType; readonly must: boolean }>>([
  [
    "find_tools",
    new Map([
      ["query", { type: "string", must: true }],
      ["limit", { type: "integer", must: false }],
    ]),
  ],
  [
    "call_tool",
    new Map([
      ["server_id", { type: "string", must: true }],
      ["tool", { type: "string", must: true }],
      ["arguments_json", { type: "string", must: true }],
    ]),
  ],
]);

/** The rules for one agent that need nothing but its file. `stem` is the file's name without its ending. */
export function checkAlone(agent: AgentFile, stem: string, report: Report): void {
  checkNotBlank(agent, "", report);
  if (agent.name !== stem) report("name", `"${agent.name}" must be the file's name, "${stem}"`);
  checkUnique(agent.action_groups, "action_groups", report);
  agent.action_groups.forEach((group, g) => {
    const at = `action_groups[${g}]`;
    if (group.handler === "agent_invoker" && agent.name !== ORCHESTRATOR) {
      // agent_invoker knows the specialists' ids: a specialist that needs agent_invoker would be a cycle.
      report(`${at}.handler`, `only the ${ORCHESTRATOR} invokes other agents`);
    }
    checkNotBlank(group, `${at}.`, report);
    checkUnique(group.functions, `${at}.functions`, report);
    group.functions.forEach((fn, f) => {
      const parameters = fn.parameters ?? [];
      if (group.tools !== undefined) {
        checkToolFunction(fn, (key, reason) => {
          report(`${at}.functions[${f}].${key}`, reason);
        });
      }
      checkNotBlank(fn, `${at}.functions[${f}].`, report);
      checkUnique(parameters, `${at}.functions[${f}].parameters`, report);
      parameters.forEach((parameter, p) => {
        checkParameter(parameter, (key, reason) => {
          report(`${at}.functions[${f}].parameters[${p}]${key}`, reason);
        });
      });
    });
  });
}

/** An environment that a model may choose and mcp_proxy then refuses would be a promise nobody keeps. */
export function checkEnvironments(agent: AgentFile, environments: readonly string[], report: Report): void {
  agent.action_groups.forEach((group, g) => {
    group.functions.forEach((fn, f) => {
      fn.parameters?.forEach(({ name, enum: offered = [] }, p) => {
        const unknown = name === ENVIRONMENT ? offered.filter((value) => !environments.includes(String(value))) : [];
        if (unknown.length === 0) return;
        report(
          `action_groups[${g}].functions[${f}].parameters[${p}].enum`,
          `${unknown.join(", ")} is not in the setting environments (${environments.join(", ")}); ` +
            `the enum has ${offered.join(", ")}`,
        );
      });
    });
  });
}

/** What mcp_proxy answers is fixed: a file can only say which of it an agent has, and describe it. */
function checkToolFunction({ name, parameters = [] }: FunctionFile, report: Report): void {
  const known = TOOL_FUNCTIONS.get(name);
  if (known === undefined) {
    report("name", `"${name}" must be ${[...TOOL_FUNCTIONS.keys()].join(" or ")} beside tools`);
    return;
  }
  parameters.forEach((parameter, p) => {
    const type = known.get(parameter.name)?.type;
    if (type === undefined) {
      report(`parameters[${p}].name`, `${name} takes ${[...known.keys()].join(", ")} and nothing else`);
    } else if (type !== parameter.type) {
      report(`parameters[${p}].type`, `must be ${type}`);
    }
  });
  const missing = [...known].filter(
    ([key, { must }]) => must && !parameters.some((parameter) => parameter.name === key),
  );
  for (const [key] of missing) report("parameters", `${key} is missing`);
}

function checkParameter(parameter: ParameterFile, report: Report): void {
  const { type, enum: values, enum_from: from, default: fallback } = parameter;
  checkNotBlank(parameter, ".", report);
  if (from !== undefined && values !== undefined) report(".enum_from", "cannot stand beside enum");
  if (from !== undefined && type !== "string") report(".enum_from", `needs the type string, not ${type}`);
  values?.forEach((value, index) => {
    if (!isOfType(value, type)) report(`.enum[${index}]`, `${JSON.stringify(value)} is not of the type ${type}`);
  });
  if (fallback === undefined) return;
  if (parameter.required === true) report(".default", "a required parameter has no default");
  if (!isOfType(fallback, type)) report(".default", `${JSON.stringify(fallback)} is not of the type ${type}`);
  if (from !== undefined) report(".default", "cannot stand beside enum_from");
  if (values?.includes(fallback as string | number) === false) {
    report(".default", `${JSON.stringify(fallback)} is not one of ${values.join(", ")}`);
  }
}

/** Bedrock takes no description of white space alone. */
function checkNotBlank({ description }: { readonly description: string }, at: string, report: Report): void {
  if (description.trim() === "") report(`${at}description`, "empty");
}

function isOfType(value: unknown, type: ParameterType): boolean {
  switch (type) {
    case "integer":
      return Number.isSafeInteger(value);
    case "array":
      return Array.isArray(value);
    case "string":
    case "number":
    case "boolean":
      return typeof value === type;
  }
}

function checkUnique(items: readonly { readonly name: string }[], at: string, report: Report): void {
  items.forEach(({ name }, index) => {
    const first = items.findIndex((item) => item.name === name);
    if (first < index) report(`${at}[${index}].name`, `"${name}" is taken by ${at}[${first}]`);
  });
}

/** Two agents with the same id would be one on the local stage. */
export function checkLocalIds(agents: readonly AgentFile[], reportIn: (file: string) => Report): void {
  const owners = new Map<string, string>();
  for (const { name } of agents) {
    const id = localAgentId(name);
    const owner = owners.get(id);
    if (owner !== undefined) {
      reportIn(`${name}.yaml`)(
        "name",
        `"${name}" and "${owner}" have the same id ${id} on the local stage (first 10 letters and digits)`,
      );
    }
    owners.set(id, owner ?? name);
  }
}
