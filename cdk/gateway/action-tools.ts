/** The functions of our own action groups as tools of a gateway. */
import type { ActionGroupDefinition, Agents, FunctionDefinition } from "../agents";
import type { Handler } from "../names";
import type { GatewayType, ListedTool } from "./tool-schema";

/** The tools that one of our functions serves through a gateway. */
export interface ActionTarget {
  readonly handler: Handler;
  /** Name of the target. */
  readonly name: string;
  readonly description: string;
  readonly tools: readonly ListedTool[];
}

/** What people know the functions by, and in which order they are told. */
const TARGETS: Readonly<
  Record<ActionGroupDefinition["handler"], { readonly name: string; readonly description: string }>
> = {
  memory_manager: { name: "deployments", description: "What is deployed, and what became of it" },
  agent_invoker: { name: "specialists", description: "Specialist agents that change infrastructure" },
  mcp_proxy: { name: "infrastructure", description: "Tools of registered MCP servers, as the agents may call them" },
};

/**
 * A target for each of our functions with the functions of all action groups it serves. An event of a gateway names no agent,
 * so a function that several agents have is told once, and those for tools that an agent has to find first (`find_tools`,
 * `call_tool`) is left out: which tools it may find is the agent's.
 */
export function actionTargets({ orchestrator, specialists }: Agents): readonly ActionTarget[] {
  const groups = [orchestrator, ...specialists].flatMap(({ actionGroups }) => actionGroups);
  return Object.entries(TARGETS)
    .map(([handler, told]) => {
      const functions = unequivocal(groups.filter((group) => group.handler === handler && !findsTools(group)));
      return { handler: handler as Handler, ...told, tools: functions.map(toolOf) };
    })
    .filter(({ tools }) => tools.length > 0);
}

/** Each function once, without those of which agents have different ones under one name: the handler refuses them. */
function unequivocal(groups: readonly ActionGroupDefinition[]): readonly FunctionDefinition[] {
  const all = groups.flatMap(({ serverId, functions }) => functions.map((one) => ({ serverId, one })));
  const texts = new Map<string, Set<string>>();
  for (const each of all) texts.set(each.one.name, (texts.get(each.one.name) ?? new Set()).add(JSON.stringify(each)));
  const functions = new Map(all.map(({ one }) => [one.name, one]));
  return [...functions.values()].filter(({ name }) => texts.get(name)?.size === 1);
}

const findsTools = ({ handler, serverId }: ActionGroupDefinition): boolean =>
  handler === "mcp_proxy" && serverId === undefined;

function toolOf({ name, description, parameters }: FunctionDefinition): ListedTool {
  const properties = parameters.map((parameter) => [
    parameter.name,
    { type: parameter.type satisfies GatewayType, description: parameter.description },
  ]);
  const required = parameters.filter((parameter) => parameter.required).map((parameter) => parameter.name);
  return {
    name,
    description,
    inputSchema: { type: "object", properties: Object.fromEntries(properties) as object, required },
  };
}
