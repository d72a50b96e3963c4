/**
 * The agents, as data: reads agents/*.yaml, checks them alone and together, and renders them as Bedrock takes them
 * (its schema has neither enum nor default: both go into the parameter's description, and the handler enforces them).
 */
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import {
  readAgentFile,
  type ActionGroupFile,
  type AgentFile,
  type ParameterFile,
  type ParameterType,
} from "./agent-file";
import { checkAlone, checkEnvironments, checkLocalIds } from "./agent-rules";
import { Mistake } from "./mistake";
import { readModel, type Model } from "./models";
import { ORCHESTRATOR } from "./names";
import { characters, oneLine, type Report } from "./yaml-file";

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
  readonly model: Model;
  readonly idleSessionSeconds: number;
  readonly instruction: string;
  readonly actionGroups: readonly ActionGroupDefinition[];
}

/** All agents of a deployment. */
export interface Agents {
  readonly orchestrator: AgentDefinition;
  /** Sorted by name. */
  readonly specialists: readonly AgentDefinition[];
}

/** What the agents must fit. */
export interface AgentSettings {
  /** Names of all environments: an agent may offer some of them, and no other. */
  readonly environments: readonly string[];
  /** Model for all agents. @default - each agent's own */
  readonly model?: string | undefined;
  /** Region that the models are called from. @default - not known before deployment */
  readonly region?: string | undefined;
}

/**
 * Reads all agents of a directory. Throws a {@link Mistake} with a line (file, key path, reason) for everything that is
 * wrong.
 */
export function loadAgents(directory: string, settings: AgentSettings): Agents {
  const problems: string[] = [];
  const files = listFiles(directory, reporter(directory, problems));
  const texts = files.map((file): [string, string] => [file, readFileSync(path.join(directory, file), "utf8")]);
  return agentsOf(directory, texts, settings, problems);
}

/** Where findings in the files of a directory go. */
const reporter =
  (directory: string, problems: string[]) =>
  (file: string): Report =>
  (at, reason) =>
    problems.push(`${path.join(directory, file)}: ${at === "" ? "" : `${at}: `}${oneLine(reason, 600)}`);

/** The same for files that have been read: name and text, sorted. `problems` are those known already. */
export function agentsOf(
  directory: string,
  texts: readonly (readonly [string, string])[],
  settings: AgentSettings,
  problems: string[] = [],
): Agents {
  const reportIn = reporter(directory, problems);
  const files = texts.map(([file]) => file);
  const agents = texts.flatMap(([file, text]) => {
    const report = reportIn(file);
    const agent = readAgentFile(text, report);
    if (agent === undefined) return [];
    checkAlone(agent, path.basename(file, ".yaml"), report);
    checkEnvironments(agent, settings.environments, report);
    return [agent];
  });
  checkLocalIds(agents, reportIn);
  if (!files.includes(`${ORCHESTRATOR}.yaml`)) {
    problems.push(`${path.join(directory, `${ORCHESTRATOR}.yaml`)}: missing, it defines the agent that people talk to`);
  }

  const specialists = agents.filter((agent) => agent.name !== ORCHESTRATOR);
  const models = chooseModels(agents, settings, reportIn, (problem) => problems.push(problem));
  const rendered = agents.flatMap((agent) => {
    const model = models.get(agent);
    return model === undefined ? [] : [render(agent, specialists, model, reportIn(`${agent.name}.yaml`))];
  });
  const orchestrator = rendered.find((agent) => agent.name === ORCHESTRATOR);
  if (problems.length > 0 || orchestrator === undefined) throw new Mistake(problems.join("\n"));
  return { orchestrator, specialists: rendered.filter((agent) => agent !== orchestrator) };
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

/** Each agent's model: its own, or the one of the settings. Agents whose model is wrong have none. */
function chooseModels(
  agents: readonly AgentFile[],
  { model: common, region }: AgentSettings,
  reportIn: (file: string) => Report,
  tell: (problem: string) => void,
): Map<AgentFile, Model> {
  const shared = common === undefined ? undefined : readModel(common, region);
  if (typeof shared === "string") tell(`model (cdk.json, or -c model=...): ${shared}`);
  return new Map(
    agents.flatMap((agent): [AgentFile, Model][] => {
      const model = shared ?? readModel(agent.model, region);
      if (typeof model !== "string") return [[agent, model]];
      if (shared === undefined) reportIn(`${agent.name}.yaml`)("model", model);
      return [];
    }),
  );
}

function render(agent: AgentFile, specialists: readonly AgentFile[], model: Model, report: Report): AgentDefinition {
  const lines = specialists.map((specialist) => `- ${specialist.name}: ${specialist.description}`).join("\n");
  const instruction = agent.instruction.replaceAll("{specialists}", () => lines).trim();
  const length = characters(instruction);
  if (length < 40 || length > 4000) {
    report("instruction", `${length} characters with {specialists} written out, Bedrock takes 40 to 4000`);
  }
  const names = specialists.map((specialist) => specialist.name);
  return {
    name: agent.name,
    description: agent.description,
    model,
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
