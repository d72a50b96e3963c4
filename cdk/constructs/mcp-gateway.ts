import { Stack } from "aws-cdk-lib";
import {
  type CfnGateway,
  Gateway,
  GatewayAuthorizer,
  GatewayCredentialProvider,
  GatewayProtocol,
  type GatewayTarget,
  MCPProtocolVersion,
  McpGatewaySearchType,
  SchemaDefinitionType,
  ToolSchema,
  type IGatewayAuthorizerConfig,
  type SchemaDefinition,
  type ToolDefinition,
} from "aws-cdk-lib/aws-bedrockagentcore";
import type * as lambda from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import { acknowledgeWildcard } from "../acknowledge";
import type { Config } from "../config";
import { gatewayTools, type GatewaySchema, type ListedTool } from "../gateway/tool-schema";
import { Mistake } from "../mistake";

/** Properties of {@link McpGateway}. */
export type McpGatewayProps = Pick<Config, "stage" | "gateway" | "gatewayJwt">;

/** Most that a schema given inline may take. Source: Amazon Bedrock AgentCore quotas, inline tool schema. */
const MAX_INLINE = 1_000_000;
/** Longest description of a target. Source: CreateGatewayTarget. */
const MAX_DESCRIPTION = 200;

/**
 * An AgentCore gateway: one MCP address for many servers, with a search over their tools. Its role may call its targets and
 * nothing else.
 */
export class McpGateway extends Construct {
  readonly gateway: Gateway;
  /** Address for MCP clients. */
  readonly url: string;

  constructor(scope: Construct, id: string, props: McpGatewayProps) {
    super(scope, id);
    const { MCP_2026_07_28, MCP_2025_11_25, MCP_2025_06_18, MCP_2025_03_26 } = MCPProtocolVersion;
    this.gateway = new Gateway(this, "Gateway", {
      gatewayName: `switchyard-${props.stage}`,
      description: `MCP servers of Switchyard ${props.stage}`,
      authorizerConfiguration: authorizer(props),
      protocolConfiguration: GatewayProtocol.mcp({
        instructions: "Search the tools for what is to be done, then call the one that fits.",
        searchType: McpGatewaySearchType.SEMANTIC,
        // Changing them replaces the whole list, so all are named.
        supportedVersions: [MCP_2026_07_28, MCP_2025_11_25, MCP_2025_06_18, MCP_2025_03_26],
      }),
    });
    this.url = (this.gateway.node.defaultChild as CfnGateway).attrGatewayUrl;
  }

  /** A function as a target: the gateway hands it the arguments of one tool, and knows the tools from here. */
  addFunction(name: string, description: string, target: lambda.IFunction, tools: readonly ListedTool[]): void {
    const definitions = gatewayTools(name, tools).map((tool): ToolDefinition => ({
      ...tool,
      inputSchema: inTypes(tool.inputSchema),
    }));
    if (definitions.length === 0) throw new Mistake(`gateway target ${name}: it has no tools`);
    const size = JSON.stringify(definitions).length;
    if (size > MAX_INLINE) {
      throw new Mistake(
        `gateway target ${name}: its tools take ${size} bytes, ${MAX_INLINE} are allowed; use gateway: mcp_server`,
      );
    }
    this.afterRights(
      this.gateway.addLambdaTarget(name, {
        gatewayTargetName: name,
        description: description.slice(0, MAX_DESCRIPTION),
        lambdaFunction: target,
        toolSchema: ToolSchema.fromInline(definitions),
      }),
    );
    acknowledgeWildcard(
      this.gateway.role.node.findChild("DefaultPolicy"),
      `${target.functionArn}:*`,
      "CDK grants versions and aliases of a function together with it; this one has none.",
    );
  }

  /** An MCP server at a function's URL as a target: the gateway signs its requests and asks for the tools itself. */
  addUrl(name: string, description: string, url: lambda.FunctionUrl): void {
    url.grantInvokeUrl(this.gateway.role);
    const target = this.gateway.addMcpServerTarget(name, {
      gatewayTargetName: name,
      description: description.slice(0, MAX_DESCRIPTION),
      endpoint: url.url,
      credentialProviderConfigurations: [
        GatewayCredentialProvider.fromIamRole({ service: "lambda", region: Stack.of(this).region }),
      ],
    });
    this.afterRights(target);
  }

  /** The gateway tries a target when it is made: its role must have the right to call it by then. */
  private afterRights(target: GatewayTarget): void {
    target.node.addDependency(this.gateway.role);
  }
}

function authorizer({ gateway, gatewayJwt: jwt }: McpGatewayProps): IGatewayAuthorizerConfig {
  if (gateway !== "jwt" || jwt === undefined) return GatewayAuthorizer.usingAwsIam();
  const given = <T>(values: readonly T[]) => (values.length === 0 ? undefined : [...values]);
  const [allowedAudience, allowedClients, allowedScopes] = [jwt.audiences, jwt.clients, jwt.scopes].map(given);
  return GatewayAuthorizer.usingCustomJwt({
    discoveryUrl: jwt.discoveryUrl,
    ...(allowedAudience === undefined ? {} : { allowedAudience }),
    ...(allowedClients === undefined ? {} : { allowedClients }),
    ...(allowedScopes === undefined ? {} : { allowedScopes }),
  });
}

/** A schema with its types as CDK names them. */
function inTypes({ type, description, properties, required, items }: GatewaySchema): SchemaDefinition {
  return {
    type: SchemaDefinitionType.of(type),
    ...(description === undefined ? {} : { description }),
    ...(properties === undefined
      ? {}
      : { properties: Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, inTypes(one)])) }),
    ...(required === undefined ? {} : { required: [...required] }),
    ...(items === undefined ? {} : { items: inTypes(items) }),
  };
}
