/**
 * The agents, as data: reads agents/*.yaml, checks them alone and together, and renders them as Bedrock takes them
 * (its schema has neither enum nor default: both go into the parameter's description, and the handler enforces them).
 */
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import path from "node:path";
import {
  characters,
  readAgentFile,
  type ActionGroupFile,
  type AgentFile,
  type ParameterFile,
  type ParameterType,
  type Report,
} from "./agent-file";
import { Mistake } from "./mistake";

/** The agent that people talk to; all others are specialists. */
export const ORCHESTRATOR = "orchestrator";
/** Alias that the agent runtime of the local stage knows every agent by. */
export const LOCAL_ALIAS = "LOCAL";

/** A parameter as Bedrock takes it. */
export interface ParameterDefinition {
  readonly name: string;
  readonly type: ParameterType;
  /** With the allowed values and the default written out. */
  readonly description: string;
  readonly required: boolean;
}

/** A function as Bedrock takes it. */
export interface FunctionDefinition {
  readonly name: string;
  readonly description: string;
  readonly parameters: readonly ParameterDefinition[];
}

/** An action group as Bedrock takes it. */
export interface ActionGroupDefinition {
  readonly name: string;
  readonly description: string;
  readonly handler: ActionGroupFile["handler"];
  readonly serverId?: string;
  readonly functions: readonly FunctionDefinition[];
}

/** An agent as Bedrock takes it. */
export interface AgentDefinition {
  readonly name: string;
  readonly description: string;
  readonly model: string;
  readonly idleSessionSeconds: number;
  readonly instruction: string;
  readonly actionGroups: readonly ActionGroupDefinition[];
  /** Changes when, and only when, anything above changes. */
  readonly hash: string;
}

/** All agents of a deployment. */
export interface Agents {
  readonly orchestrator: AgentDefinition;
  /** Sorted by name. */
  readonly specialists: readonly AgentDefinition[];
}

/**
 * Reads all agents of a directory. `model` overrides every agent's own. Throws a {@link Mistake} with a line (file, key
 * path, reason) for everything that is wrong.
 */
export function loadAgents(directory: string, model?: string): Agents {
  const problems: string[] = [];
  const reportIn =
    (file: string): Report =>
    (at, reason) =>
      problems.push(`${path.join(directory, file)}: ${at === "" ? "" : `${at}: `}${reason}`);

  const files = listFiles(directory, reportIn);
  const agents = files.flatMap((file) => {
    const report = reportIn(file);
    const agent = readAgentFile(path.join(directory, file), report);
    if (agent === undefined) return [];
    checkAlone(agent, path.basename(file, ".yaml"), report);
    return [agent];
  });
  checkLocalIds(agents, reportIn);
  if (!files.includes(`${ORCHESTRATOR}.yaml`)) {
    problems.push(`${path.join(directory, `${ORCHESTRATOR}.yaml`)}: missing, it defines the agent that people talk to`);
  }

  const specialists = agents.filter((agent) => agent.name !== ORCHESTRATOR);
  const rendered = agents.map((agent) => render(agent, specialists, model, reportIn(`${agent.name}.yaml`)));
  const orchestrator = rendered.find((agent) => agent.name === ORCHESTRATOR);
  if (problems.length > 0 || orchestrator === undefined) throw new Mistake(problems.join("\n"));
  return { orchestrator, specialists: rendered.filter((agent) => agent !== orchestrator) };
}

/** Id of an agent in the agent runtime of the local stage: Bedrock's ids are at most 10 letters and digits too. */
export function localAgentId(name: string): string {
  return name.toUpperCase().replaceAll("_", "").slice(0, 10);
}

function listFiles(directory: string, reportIn: (file: string) => Report): string[] {
  let names: string[];
  try {
    names = readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => entry.name);
  } catch (error) {
    throw new Mistake(`${directory}: cannot be read: ${(error as Error).message}`);
  }
  for (const name of names.filter((candidate) => candidate.endsWith(".yml"))) {
    reportIn(name)("", "agents are read from *.yaml only, rename the file");
  }
  return names.filter((name) => name.endsWith(".yaml")).sort();
}

/** Rules that a schema cannot express, for one agent. */
function checkAlone(agent: AgentFile, stem: string, report: Report): void {
  if (agent.name !== stem) report("name", `"${agent.name}" must be the file's name, "${stem}"`);
  checkUnique(agent.action_groups, "action_groups", report);
  agent.action_groups.forEach((group, g) => {
    const at = `action_groups[${g}]`;
    if (group.handler === "agent_invoker" && agent.name !== ORCHESTRATOR) {
      // agent_invoker knows the specialists' ids: a specialist that needs agent_invoker would be a cycle.
      report(`${at}.handler`, `only the ${ORCHESTRATOR} invokes other agents`);
    }
    checkUnique(group.functions, `${at}.functions`, report);
    group.functions.forEach((fn, f) => {
      const parameters = fn.parameters ?? [];
      checkUnique(parameters, `${at}.functions[${f}].parameters`, report);
      parameters.forEach((parameter, p) => {
        checkParameter(parameter, (key, reason) => {
          report(`${at}.functions[${f}].parameters[${p}]${key}`, reason);
        });
      });
    });
  });
}

function checkParameter(parameter: ParameterFile, report: Report): void {
  const { type, enum: values, enum_from: from, default: fallback } = parameter;
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

function isOfType(value: unknown, type: ParameterType): boolean {
  switch (type) {
    case "integer":
      return Number.isInteger(value);
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

function checkLocalIds(agents: readonly AgentFile[], reportIn: (file: string) => Report): void {
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

function render(
  agent: AgentFile,
  specialists: readonly AgentFile[],
  model: string | undefined,
  report: Report,
): AgentDefinition {
  const lines = specialists.map((specialist) => `- ${specialist.name}: ${specialist.description}`).join("\n");
  const instruction = agent.instruction.replaceAll("{specialists}", () => lines).trim();
  const length = characters(instruction);
  if (length < 40 || length > 4000) {
    report("instruction", `${length} characters with {specialists} written out, Bedrock takes 40 to 4000`);
  }
  const names = specialists.map((specialist) => specialist.name);
  const definition = {
    name: agent.name,
    description: agent.description,
    model: model ?? agent.model,
    idleSessionSeconds: agent.idle_session_seconds,
    instruction,
    actionGroups: agent.action_groups.map((group, g) => ({
      name: group.name,
      description: group.description,
      handler: group.handler,
      ...(group.server_id === undefined ? {} : { serverId: group.server_id }),
      functions: group.functions.map((fn, f) => ({
        name: fn.name,
        description: fn.description,
        parameters: (fn.parameters ?? []).map((parameter, p) =>
          renderParameter(parameter, names, (key, reason) => {
            report(`action_groups[${g}].functions[${f}].parameters[${p}]${key}`, reason);
          }),
        ),
      })),
    })),
  };
  return { ...definition, hash: createHash("sha256").update(JSON.stringify(definition)).digest("hex").slice(0, 16) };
}

function renderParameter(
  parameter: ParameterFile,
  specialists: readonly string[],
  report: Report,
): ParameterDefinition {
  const allowed = parameter.enum_from === undefined ? parameter.enum : specialists;
  if (allowed?.length === 0) report(".enum_from", "gives no value, there is no specialist");
  const sentences = [parameter.description.trim()];
  if (allowed !== undefined) sentences.push(`Allowed values: ${allowed.join(", ")}.`);
  if (parameter.default !== undefined) sentences.push(`Default: ${String(parameter.default)}.`);
  const description = sentences.join(" ");
  const length = characters(description);
  if (length > 500) {
    report(".description", `${length} characters with allowed values and default, Bedrock allows at most 500`);
  }
  return { name: parameter.name, type: parameter.type, description, required: parameter.required ?? false };
}
