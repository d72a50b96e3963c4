import { CfnOutput, Stack, type StackProps } from "aws-cdk-lib";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import * as lambda from "aws-cdk-lib/aws-lambda";
import type { Construct } from "constructs";
import { loadAgents } from "../agents";
import { LOCAL_STAGE, type Config } from "../config";
import { addAlarm, alarmAction, functionAlarms } from "../constructs/function-alarms";
import { HostedMcpServers, type HostedMcpServersProps } from "../constructs/hosted-mcp-servers";
import { McpGateway } from "../constructs/mcp-gateway";
import { actionTargets } from "../gateway/action-tools";
import { arnOutput, urlOutput } from "../hosting/outputs";
import type { HostedServer } from "../hosting/server";
import { Mistake } from "../mistake";
import { functionArn, functionName, variableSecret } from "../names";

/** Properties of {@link ServersStack}. */
export interface ServersStackProps
  extends StackProps, Pick<HostedMcpServersProps, "servers" | "packageOf" | "toolsOf"> {
  readonly config: Config;
}

/**
 * The third-party MCP servers, and the gateway in front of them. A stack of their own: one that cannot be deployed takes
 * nothing of Switchyard back with it, and the tools of all of them would not fit into one template with the rest.
 */
export class ServersStack extends Stack {
  private readonly config: Config;

  constructor(scope: Construct, id: string, props: ServersStackProps) {
    super(scope, id, {
      description: "Switchyard: hosted MCP servers",
      // A template may have a megabyte, and tools are long.
      suppressTemplateIndentation: true,
      ...props,
    });
    const { config, servers } = props;
    this.config = config;
    const hosted = new HostedMcpServers(this, "Servers", { ...config, ...props });
    if (config.gateway !== "none") this.addGateway(props, hosted);
    if (config.alarmTopicArn !== undefined && config.stage !== LOCAL_STAGE) {
      const action = alarmAction(this, config.alarmTopicArn);
      for (const fn of hosted.functions.values()) {
        // A server of somebody else may be slow once: what counts is that its calls are.
        for (const [end, watched] of Object.entries(functionAlarms(fn.function, cloudwatch.Stats.p(99)))) {
          addAlarm(fn, `${fn.name}-${end}`, watched, action);
        }
      }
    }
    this.addOutputs(servers.hosted, hosted);
  }

  private addGateway({ servers, toolsOf }: ServersStackProps, hosted: HostedMcpServers): void {
    const { config } = this;
    const gateway = new McpGateway(this, "Gateway", config);
    for (const server of servers.hosted) {
      const fn = hosted.functions.get(server.id);
      if (fn === undefined || server.gateway === "none") continue;
      if (server.gateway === "mcp_server") {
        if (fn.url !== undefined) gateway.addUrl(server.id, server.description, fn.url);
        continue;
      }
      const tools = toolsOf(server.id);
      if (tools === undefined) {
        throw new Mistake(
          `${server.id}: a gateway has to be told its tools, and they are not known: run "make servers-verify SERVER=${server.id}", or write gateway: none`,
        );
      }
      gateway.addFunction(server.id, server.description, fn.function, tools);
    }
    if (config.gatewayActions) {
      for (const { handler, name, description, tools } of actionTargets(loadAgents(config.agentsDir, config))) {
        const arn = functionArn(this, functionName(config.stage, handler));
        // Only referred to: the function is of the other stack, and stacks pass no exports.
        const target = lambda.Function.fromFunctionAttributes(this, `${name}-function`, {
          functionArn: arn,
          sameEnvironment: true,
        });
        gateway.addFunction(name, description, target, tools);
      }
    }
    this.addOutput(
      "GatewayUrl",
      gateway.url,
      "One MCP address for all servers; signed for bedrock-agentcore, or with a token",
    );
    this.addOutput(
      "GatewayArn",
      gateway.gateway.gatewayArn,
      "Who may invoke it needs bedrock-agentcore:InvokeGateway on it",
    );
  }

  private addOutputs(servers: readonly HostedServer[], hosted: HostedMcpServers): void {
    const { stage } = this.config;
    for (const server of servers) {
      const fn = hosted.functions.get(server.id);
      if (fn === undefined) continue;
      this.addOutput(arnOutput(server.id), fn.function.functionArn, server.description);
      if (fn.url !== undefined)
        this.addOutput(urlOutput(server.id), fn.url.url, `${server.name} for signed MCP requests`);
    }
    const secrets = servers.flatMap(({ id, secrets }) => secrets.map((name) => variableSecret(stage, id, name)));
    if (secrets.length > 0)
      this.addOutput("ServerSecrets", secrets.join(" "), "Secrets that the servers read: yours to make");
  }

  private addOutput(id: string, value: string, description: string): void {
    new CfnOutput(this, id, { value, description: description.slice(0, 1024) });
  }
}
