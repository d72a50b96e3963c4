/** The AgentCore gateway in front of the servers: who gets in, what it may call, and what it is told of tools. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadAgents, type Agents } from "../agents";
import { actionTargets } from "../gateway/action-tools";
import { Mistake } from "../mistake";
import { rights } from "./rights";
import { serversOf } from "./servers-support";
import { AGENTS, NETWORK, switchyard, type Synthesised } from "./support";

const { onLambda } = serversOf();
const settings = { region: "us-east-1", ...NETWORK, vpcEndpoints: "false", routeTableIds: "", ...onLambda };
const stackWith = (more: object): Synthesised => {
  const { servers } = switchyard({ ...settings, ...more });
  assert.ok(servers);
  return servers;
};
const gatewayOf = (more: object) => stackWith(more).one("AWS::BedrockAgentCore::Gateway").Properties;

interface Target {
  readonly Name: string;
  readonly TargetConfiguration: {
    readonly Mcp: {
      readonly Lambda?: {
        readonly LambdaArn: unknown;
        readonly ToolSchema: { readonly InlinePayload: readonly { readonly Name: string }[] };
      };
      readonly McpServer?: { readonly Endpoint: unknown };
    };
  };
  readonly CredentialProviderConfigurations: readonly object[];
}
const targetsOf = (stack: Synthesised): readonly Target[] =>
  [...stack.ofType("AWS::BedrockAgentCore::GatewayTarget").values()].map(({ Properties: p }) => p as unknown as Target);

test("there is no gateway unless the settings ask for one", () => {
  assert.equal(stackWith({}).ofType("AWS::BedrockAgentCore::Gateway").size, 0);
});

test("it speaks every version, finds tools by meaning, and takes signatures or tokens", () => {
  const { AuthorizerType, ProtocolConfiguration, Name } = gatewayOf({ gateway: "iam" });
  assert.deepEqual([Name, AuthorizerType], ["switchyard-dev", "AWS_IAM"]);
  const { Mcp } = ProtocolConfiguration as { Mcp: Record<string, unknown> };
  assert.equal(Mcp["SearchType"], "SEMANTIC");
  assert.deepEqual(Mcp["SupportedVersions"], ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"]);
  const discovery = "https://idp.example.com/.well-known/openid-configuration";
  const jwt = gatewayOf({ gateway: "jwt", gatewayDiscoveryUrl: discovery, gatewayAudiences: "tools,chat" });
  assert.equal(jwt["AuthorizerType"], "CUSTOM_JWT");
  assert.deepEqual(jwt["AuthorizerConfiguration"], {
    CustomJWTAuthorizer: { DiscoveryUrl: discovery, AllowedAudience: ["tools", "chat"] },
  });
});

test("every server is a target as servers.yaml says, and waits for the right to be called", () => {
  const stack = stackWith({ gateway: "iam" });
  const targets = targetsOf(stack);
  assert.deepEqual(
    targets.map(({ Name }) => Name),
    ["time", "docs", "asks", "heavy"],
  );
  const [time, , asks] = targets;
  assert.deepEqual(time?.TargetConfiguration.Mcp.Lambda?.ToolSchema.InlinePayload[0], {
    Name: "get_current_time",
    Description: "Does get_current_time.",
    InputSchema: { Type: "object", Properties: { stage: { Type: "string" } } },
  });
  assert.deepEqual(time.CredentialProviderConfigurations, [{ CredentialProviderType: "GATEWAY_IAM_ROLE" }]);
  assert.equal(
    stack.text(asks?.TargetConfiguration.Mcp.McpServer?.Endpoint),
    "{Servers/asks/Function/FunctionUrl.FunctionUrl}",
  );
  assert.deepEqual(asks?.CredentialProviderConfigurations, [
    {
      CredentialProviderType: "GATEWAY_IAM_ROLE",
      CredentialProvider: { IamCredentialProvider: { Service: "lambda", Region: "us-east-1" } },
    },
  ]);
  for (const [at, { DependsOn = [] }] of stack.ofType("AWS::BedrockAgentCore::GatewayTarget")) {
    assert.ok(DependsOn.map((id) => stack.path(id)).includes("Gateway/Gateway/ServiceRole/DefaultPolicy"), at);
  }
});

test("the gateway's role may call its targets and nothing else", () => {
  const rows = rights(stackWith({ gateway: "iam" })).get("Gateway/Gateway/ServiceRole") ?? [];
  const arns = ["docs", "heavy", "time"].map((id) => `{Servers/${id}/Function.Arn}`);
  assert.deepEqual(rows, [
    `lambda:InvokeFunction on ${arns.flatMap((arn) => [arn, `${arn}:*`]).join(" ")}`,
    'lambda:InvokeFunctionUrl on {Servers/asks/Function.Arn} if {"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}',
    'lambda:InvokeFunction on {Servers/asks/Function.Arn} if {"Bool":{"lambda:InvokedViaFunctionUrl":true}}',
  ]);
});

test("a gateway can be there for our own action groups alone, by the names of their functions", () => {
  const stack = stackWith({ gateway: "iam", hostedServers: "none", gatewayActions: "true" });
  const targets = targetsOf(stack).map(({ Name, TargetConfiguration: { Mcp } }) => [
    Name,
    stack.text(Mcp.Lambda?.LambdaArn).split(":function:")[1],
    Mcp.Lambda?.ToolSchema.InlinePayload.map((tool) => tool.Name),
  ]);
  assert.deepEqual(targets, [
    ["deployments", "switchyard-dev-memory_manager", ["query_deployments", "get_deployment", "record_deployment"]],
    ["specialists", "switchyard-dev-agent_invoker", ["invoke_agent"]],
    [
      "infrastructure",
      "switchyard-dev-mcp_proxy",
      ["execute_app_pipeline", "get_pipeline_status", "execute_bootstrap_pipeline", "execute_compute_pipeline"],
    ],
  ]);
});

test("a function that two agents mean differently is no tool: the handler would refuse the call", () => {
  const agents = loadAgents(AGENTS, { environments: ["dev", "test", "staging", "prod"] });
  const changed: Agents = {
    ...agents,
    specialists: agents.specialists.map((agent) => ({
      ...agent,
      actionGroups: agent.actionGroups.map((group) =>
        agent.name === "compute" ? { ...group, serverId: "another" } : group,
      ),
    })),
  };
  const names = (from: Agents) => actionTargets(from).flatMap(({ tools }) => tools.map(({ name }) => name));
  assert.ok(names(agents).includes("get_pipeline_status"));
  assert.ok(!names(changed).includes("get_pipeline_status"));
  assert.ok(!names(agents).includes("call_tool"));
});

test("refused: a target whose tools nobody has looked up, since a gateway asks no function for them", () => {
  const { onLambda: other } = serversOf("asks: { name: A, description: A, command: b }");
  assert.throws(
    () => switchyard({ ...settings, ...other, gateway: "iam" }),
    (error: Error) =>
      error instanceof Mistake && /^asks: a gateway has to be told its tools.*gateway: none$/.test(error.message),
  );
});
