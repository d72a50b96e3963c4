import * as apigateway from "aws-cdk-lib/aws-apigateway";
import type * as lambda from "aws-cdk-lib/aws-lambda";
import type * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import { acknowledge } from "../acknowledge";
import { accessLog, addExecutionLog, loggedTo } from "./api-logs";
import { ApiKeySecret } from "./api-key-secret";

/** Properties of {@link McpRestApi}. */
export interface McpRestApiProps {
  readonly stage: string;
  readonly serverId: string;
  readonly serverFunction: lambda.IFunction;
  /** @default - none */
  readonly allowOrigins?: readonly string[];
  /** @default 20 */
  readonly throttleRate?: number;
  /** @default 40 */
  readonly throttleBurst?: number;
}

/** What MCP clients in browsers send. Source: MCP 2026-07-28, "Streamable HTTP", standard request headers. */
export const BROWSER_HEADERS = [
  "Content-Type",
  "Accept",
  "X-API-Key",
  "MCP-Protocol-Version",
  "Mcp-Method",
  "Mcp-Name",
  "Mcp-Session-Id",
];

/**
 * A regional REST API in front of an MCP server: POST /mcp with a key, GET /health without one. The role with which API
 * Gateway writes logs belongs to the account and region, and came with Switchyard itself.
 */
export class McpRestApi extends Construct {
  readonly api: apigateway.RestApi;
  /** The secret with the key. */
  readonly apiKey: secretsmanager.Secret;
  readonly mcpUrl: string;
  readonly healthUrl: string;

  constructor(scope: Construct, id: string, props: McpRestApiProps) {
    super(scope, id);
    const { stage, serverId, allowOrigins = [] } = props;
    const name = `switchyard-${stage}-mcp-${serverId}`;
    this.api = new apigateway.RestApi(this, "Api", {
      restApiName: name,
      description: `The MCP server ${serverId}`,
      endpointConfiguration: { types: [apigateway.EndpointType.REGIONAL] },
      cloudWatchRole: false,
      deployOptions: {
        ...loggedTo(accessLog(this, name)),
        stageName: stage,
        throttlingRateLimit: props.throttleRate ?? 20,
        throttlingBurstLimit: props.throttleBurst ?? 40,
      },
    });
    const integration = new apigateway.LambdaIntegration(props.serverFunction, { allowTestInvoke: false });
    const none = { authorizationType: apigateway.AuthorizationType.NONE };
    const mcp = this.api.root.addResource("mcp");
    const post = mcp.addMethod("POST", integration, { ...none, apiKeyRequired: true });
    const health = this.api.root.addResource("health").addMethod("GET", integration, none);
    if (allowOrigins.length > 0) this.allow(mcp, allowOrigins);
    addExecutionLog(this, this.api, stage);
    this.apiKey = new ApiKeySecret(this, "ApiKey", {
      stage,
      serverId,
      description: `Key for the MCP server ${serverId}, in the header X-API-Key.`,
    });
    this.admit(this.apiKey);
    this.acknowledgeFindings(post, health);
    // RestApi writes an output of its own.
    this.api.node.tryRemoveChild("Endpoint");
    this.mcpUrl = this.api.urlForPath("/mcp");
    this.healthUrl = this.api.urlForPath("/health");
  }

  /** API Gateway knows the key by its value, which it is given when it is made: a new value needs a deployment. */
  private admit(secret: secretsmanager.Secret): void {
    const value = secret.secretValue.unsafeUnwrap();
    const key = new apigateway.ApiKey(this, "UsageKey", { value, description: "The key in the server's secret" });
    const plan = this.api.addUsagePlan("UsagePlan", {
      apiStages: [{ stage: this.api.deploymentStage }],
    });
    plan.addApiKey(key);
  }

  /** API Gateway answers preflight requests; what the function answers has to carry Access-Control-Allow-Origin itself. */
  private allow(mcp: apigateway.Resource, origins: readonly string[]): void {
    mcp.addCorsPreflight({
      allowOrigins: [...origins],
      allowMethods: ["POST", "OPTIONS"],
      allowHeaders: BROWSER_HEADERS,
    });
    // Which of several it is, a refusal of API Gateway cannot tell.
    if (origins.length !== 1) return;
    const responseHeaders = { "Access-Control-Allow-Origin": `'${origins.join()}'` };
    this.api.addGatewayResponse("Default4xx", { type: apigateway.ResponseType.DEFAULT_4XX, responseHeaders });
    this.api.addGatewayResponse("Default5xx", { type: apigateway.ResponseType.DEFAULT_5XX, responseHeaders });
  }

  private acknowledgeFindings(post: apigateway.Method, health: apigateway.Method): void {
    acknowledge(
      this.api,
      "AwsSolutions-APIG2",
      "The server checks what it gets, as MCP wants it: a validator would only refuse.",
    );
    acknowledge(
      this.api.deploymentStage,
      "AwsSolutions-APIG3",
      "Only requests with the key get further than API Gateway, and they are throttled; a web ACL costs money each month.",
    );
    for (const finding of ["AwsSolutions-APIG4", "AwsSolutions-COG4"]) {
      acknowledge(post, finding, "Callers are programs with the key that API Gateway asks for; there is no user pool.");
      acknowledge(
        health,
        finding,
        "Health tells nothing worth hiding, and load balancers and monitors ask without credentials.",
      );
    }
  }
}
