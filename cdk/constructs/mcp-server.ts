import { createHash } from "node:crypto";
import { Lazy, Stack, Tags, Token } from "aws-cdk-lib";
import type * as apigateway from "aws-cdk-lib/aws-apigateway";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import type * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import { Construct, type IDependable } from "constructs";
import { Mistake } from "../mistake";
import { MCP_TAG, serverRole } from "../names";
import { ApiKeySecret } from "./api-key-secret";
import { serverMetric, type ServerMetric } from "./health-metrics";
import { BROWSER_HEADERS, McpRestApi } from "./mcp-rest-api";
import { wayOf, type Way } from "./mcp-server-checks";
import type { McpServerProps } from "./mcp-server-props";
import { register } from "./mcp-server-registration";

/**
 * Puts an MCP server into the registry, and takes it out of service when the stack goes. Works in any stack of the account
 * and region that Switchyard runs in: the stage's name is all that it needs to know.
 */
export class McpServer extends Construct {
  /** Id in the registry, told by the registration: what refers to it waits for the server to be registered. */
  readonly serverId: string;
  /** Registered version. */
  readonly version: string;
  /** What the registry calls: a URL, or the ARN of the function. */
  readonly endpointUrl: string;
  /** Address for HTTP clients; undefined for a function that is invoked. */
  readonly url: string | undefined;
  /** MCP version that the server answered with when it was registered; `unknown` if it was not asked or did not answer. */
  readonly mcpVersion: string;
  /** Number of registered tools, as text. */
  readonly toolCount: string;
  /** Role under which requests are signed; only with the authentication type `iam`. */
  readonly role: iam.Role | undefined;
  /** Secret with the key; only if it is made here. */
  readonly apiKeySecret: secretsmanager.Secret | undefined;
  /** Only with the route `functionUrl`. */
  readonly functionUrl: lambda.FunctionUrl | undefined;
  /** Only with the route `restApi`. */
  readonly restApi: apigateway.RestApi | undefined;

  private readonly props: McpServerProps;
  private readonly way: Way;

  constructor(scope: Construct, id: string, props: McpServerProps) {
    super(scope, id);
    this.props = props;
    this.way = wayOf(props);
    const { apiKey, stage, serverId } = props;
    const { authenticationType } = this.way;

    if (authenticationType === "iam") this.role = this.makeRole();
    if (apiKey !== undefined) {
      const description = `Key for the MCP server ${serverId}.`;
      this.apiKeySecret = new ApiKeySecret(this, "ApiKey", { stage, serverId, description, value: apiKey });
    }
    let made: readonly IDependable[] = [];
    let { healthCheckUrl } = props;
    switch (this.way.route) {
      case "existing":
        this.endpointUrl = this.way.endpointUrl;
        break;
      case "invoke": {
        const { serverFunction } = this.way;
        letInvoke(serverFunction, stage);
        this.endpointUrl = serverFunction.functionArn;
        made = [functionOf(serverFunction), serverFunction];
        break;
      }
      case "functionUrl": {
        const { serverFunction } = this.way;
        this.functionUrl = this.addUrl(serverFunction, this.role);
        this.endpointUrl = this.functionUrl.url;
        made = [serverFunction, this.functionUrl];
        break;
      }
      case "restApi": {
        const { serverFunction } = this.way;
        const rest = new McpRestApi(this, "RestApi", { ...props, serverFunction });
        this.restApi = rest.api;
        this.apiKeySecret = rest.apiKey;
        this.endpointUrl = rest.mcpUrl;
        healthCheckUrl ??= rest.healthUrl;
        made = [serverFunction, rest];
        break;
      }
    }
    this.url = this.way.route === "invoke" || isLambdaArn(this.endpointUrl) ? undefined : this.endpointUrl;

    const resource = register(this, {
      ...props,
      endpointUrl: this.endpointUrl,
      authenticationType,
      ...(healthCheckUrl === undefined ? {} : { healthCheckUrl }),
      ...fingerprint(props),
    });
    // The server is asked for its tools as it is registered: all that it takes to answer must be there by then.
    resource.node.addDependency(...made, ...[this.role, this.apiKeySecret].filter((one) => one !== undefined));
    this.serverId = resource.getAttString("ServerID");
    this.version = resource.getAttString("Version");
    this.mcpVersion = resource.getAttString("McpVersion");
    this.toolCount = resource.getAttString("ToolCount");
  }

  /**
   * Allows somebody else to call the server as the registry does: to invoke the function, to sign requests to its URL, or to
   * read its key. Throws if nothing here decides who may call it.
   */
  grantInvoke(grantee: iam.IGrantable): iam.Grant {
    if (this.apiKeySecret !== undefined) return this.apiKeySecret.grantRead(grantee);
    if (this.way.route === "invoke") return this.way.serverFunction.grantInvoke(grantee);
    if (this.functionUrl !== undefined) {
      return this.role === undefined
        ? iam.Grant.drop(grantee, "anybody may call this function URL")
        : this.functionUrl.grantInvokeUrl(grantee);
    }
    if (isLambdaArn(this.endpointUrl)) {
      return iam.Grant.addToPrincipal({
        grantee,
        actions: ["lambda:InvokeFunction"],
        resourceArns: [this.endpointUrl],
      });
    }
    const { serverId } = this.props;
    throw new Mistake(`McpServer ${JSON.stringify(serverId)}: who may call ${this.endpointUrl} is not decided here`);
  }

  /** A metric that the registry's health checks write for this server, all its versions together. */
  metric(metricName: ServerMetric, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    const { stage, serverId } = this.props;
    return serverMetric(stage, serverId, metricName, options).attachTo(this);
  }

  /** 1 while the server is healthy and 0 while not; by default the minimum over five minutes. */
  metricServerHealth(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric("ServerHealth", { statistic: cloudwatch.Stats.MINIMUM, ...options });
  }

  /** How long health checks took in milliseconds; by default the 90th percentile over five minutes. */
  metricResponseTime(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric("ResponseTime", { statistic: cloudwatch.Stats.p(90), ...options });
  }

  /**
   * The role that mcp_proxy and registration assume to sign requests to this server, and with rights for nothing else. Their
   * own policies decide who in the account may assume it; see docs/decisions/0013-a-role-for-each-signed-server.md.
   */
  private makeRole(): iam.Role {
    const { stage, serverId } = this.props;
    const { path, name } = serverRole(stage, serverId);
    return new iam.Role(this, "Role", {
      path,
      roleName: name,
      description: `Requests to the MCP server ${serverId} are signed under this role`,
      assumedBy: new iam.AccountRootPrincipal(),
    });
  }

  private addUrl(serverFunction: lambda.IFunction, role: iam.Role | undefined): lambda.FunctionUrl {
    const { AWS_IAM, NONE } = lambda.FunctionUrlAuthType;
    const { allowOrigins } = this.props;
    const url = new lambda.FunctionUrl(this, "Url", {
      function: serverFunction,
      authType: role === undefined ? NONE : AWS_IAM,
      ...(allowOrigins === undefined
        ? {}
        : { cors: { allowedOrigins: [...allowOrigins], allowedHeaders: BROWSER_HEADERS } }),
    });
    if (role !== undefined) url.grantInvokeUrl(role);
    return url;
  }
}

/** The tag lets the registry invoke the function; one that is only referred to must carry it already. */
function letInvoke(serverFunction: lambda.IFunction, stage: string): void {
  // Tags belong to functions, not to their versions and aliases.
  Tags.of(functionOf(serverFunction)).add(MCP_TAG, stage, { includeResourceTypes: ["AWS::Lambda::Function"] });
}

function isLambdaArn(endpointUrl: string): boolean {
  return !Token.isUnresolved(endpointUrl) && endpointUrl.startsWith("arn:");
}

/** The function itself, of a version or an alias of it. */
function functionOf(serverFunction: lambda.IFunction): lambda.IFunction {
  return "lambda" in serverFunction ? (serverFunction as lambda.IVersion | lambda.Alias).lambda : serverFunction;
}

/** Changes with the code, which may bring other tools; a function that is only referred to tells nothing of its code. */
function fingerprint({ fingerprint: given, serverFunction, availableTools }: McpServerProps): { fingerprint?: string } {
  if (given !== undefined) return { fingerprint: given };
  if (serverFunction === undefined || availableTools !== undefined) return {};
  const resource = functionOf(serverFunction).node.defaultChild;
  if (!lambda.CfnFunction.isCfnFunction(resource)) return {};
  const produce = () =>
    createHash("sha256")
      .update(JSON.stringify(Stack.of(resource).resolve(resource.code)))
      .digest("hex");
  return { fingerprint: Lazy.string({ produce }) };
}
