/** Our handlers: what each is told through its environment, and what its role may do. */
import { Duration, Stack } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { NO_ENVIRONMENT, type Config, type ResponseMode } from "../config";
import { MEMORY_INDEXES, memoryTable, registryTable, stateTable, tableArn, type Handler } from "../names";
import { agentAddress, grantInvokeAgents, type AgentReference } from "./agent-reference";
import { ANSWER_TIMEOUT } from "./chat-api";
import { allowMcpServers, reach } from "./reach";
import { RustFunction } from "./rust-function";

type Called = "agent_invoker" | "mcp_proxy" | "pipelines";

/** Each waits longer than what it calls, so that it can still say what went wrong. */
export const TIMEOUTS: Readonly<Record<ResponseMode, Readonly<Record<Called, Duration>>>> = {
  STREAM: { agent_invoker: Duration.minutes(10), mcp_proxy: Duration.minutes(2), pipelines: Duration.minutes(1) },
  BUFFERED: { agent_invoker: Duration.seconds(26), mcp_proxy: Duration.seconds(23), pipelines: Duration.seconds(20) },
};

/** POST /chat: hands the message to the orchestrator. */
export function chatHandler(scope: Construct, config: Config, orchestrator: AgentReference): RustFunction {
  const fn = handler(scope, config, "chat_handler", ANSWER_TIMEOUT[config.responseMode], "Answers POST /chat", {
    ORCHESTRATOR_AGENT: agentAddress(orchestrator),
    RESPONSE_MODE: config.responseMode === "STREAM" ? "stream" : "buffered",
  });
  grantInvokeAgents(fn, [orchestrator]);
  return fn;
}

/** Hands work to a specialist, once {@link introduceSpecialists} has made them known to it. */
export function agentInvoker(scope: Construct, config: Config): RustFunction {
  const timeout = TIMEOUTS[config.responseMode].agent_invoker;
  return handler(scope, config, "agent_invoker", timeout, "Hands work to a specialist agent", {});
}

/**
 * Tells agent_invoker of the specialists. An agent that agent_invoker itself answers for must not be among them: that
 * would be a cycle, agent to function to agent.
 */
export function introduceSpecialists(fn: RustFunction, specialists: ReadonlyMap<string, AgentReference>): void {
  const addresses = [...specialists].map(([name, agent]) => [name, agentAddress(agent)]);
  fn.function.addEnvironment("AGENTS", Stack.of(fn).toJsonString(Object.fromEntries(addresses)));
  if (specialists.size > 0) grantInvokeAgents(fn, [...specialists.values()]);
}

/** Answers questions about the history of deployments. */
export function memoryManager(scope: Construct, config: Config): RustFunction {
  const table = tableArn(Stack.of(scope), memoryTable(config.stage));
  const fn = handler(
    scope,
    config,
    "memory_manager",
    Duration.seconds(15),
    "Reads and adds to the deployment history",
    {
      MEMORY_TABLE: memoryTable(config.stage),
    },
  );
  fn.allow(["dynamodb:GetItem", "dynamodb:PutItem"], [table]);
  fn.allow(
    ["dynamodb:Query"],
    MEMORY_INDEXES.map((index) => `${table}/index/${index}`),
  );
  return fn;
}

/** Calls the tools of MCP servers and records what they did. */
export function mcpProxy(scope: Construct, config: Config): RustFunction {
  const stack = Stack.of(scope);
  const { stage } = config;
  const fn = handler(
    scope,
    config,
    "mcp_proxy",
    TIMEOUTS[config.responseMode].mcp_proxy,
    "Calls tools of MCP servers",
    {
      STAGE: stage,
      MEMORY_TABLE: memoryTable(stage),
      REGISTRY_TABLE: registryTable(stage),
      STATE_TABLE: stateTable(stage),
      ENVIRONMENTS: config.environments.join(","),
      // Said in a word: a variable that is missing or empty means that somebody forgot it.
      PROTECTED_ENVIRONMENTS: config.protectedEnvironments.join(",") || NO_ENVIRONMENT,
      REQUEST_KEY_MINUTES: String(config.requestKeyMinutes),
      ...reach(stack, config),
    },
  );
  const registry = tableArn(stack, registryTable(stage));
  fn.allow(["dynamodb:Query"], [registry, `${registry}/index/status-index`]);
  fn.allow(["dynamodb:BatchGetItem"], [registry]);
  // A transaction is authorised by the actions of its items.
  fn.allow(["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"], [tableArn(stack, memoryTable(stage))]);
  fn.allow(["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"], [tableArn(stack, stateTable(stage))]);
  allowMcpServers(fn, config);
  return fn;
}

/** One of our handlers, with what it is told. */
export function handler(
  scope: Construct,
  config: Config,
  bin: Handler,
  timeout: Duration,
  description: string,
  environment: Readonly<Record<string, string>>,
): RustFunction {
  return new RustFunction(scope, bin, {
    stage: config.stage,
    bin,
    build: config,
    description,
    timeout,
    environment,
  });
}
