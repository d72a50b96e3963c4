import { CustomResource, Duration, Stack, Tags, Token } from "aws-cdk-lib";
import type * as lambda from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import { Mistake } from "../mistake";
import { MCP_TAG, functionArn, functionName } from "../names";

/** A tool as MCP's tools/list names it. */
export interface McpTool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: object;
  readonly outputSchema?: object;
  readonly annotations?: object;
  /** How the tool is called where that is no MCP: `switchyard/http` or `switchyard/graphql`; what it deploys. */
  readonly _meta?: object;
}

/**
 * How callers prove to an MCP server who they are. The secrets and the role are found under the server's id: an API key in
 * `switchyard/{stage}/mcp/{serverId}/api_key`, client credentials in `.../oauth`, and the role
 * `switchyard-mcp/{stage}/switchyard-{stage}-mcp-{serverId}`.
 */
export type McpAuthentication =
  | { readonly type: "none" }
  | {
      readonly type: "api_key";
      /** Header that carries the key. @default - the registry's default */
      readonly apiKeyHeader?: string;
    }
  | {
      readonly type: "oauth";
      /** Token endpoint for the client credentials grant. */
      readonly tokenUrl: string;
      /** @default - the token endpoint's own default */
      readonly scope?: string;
      /** @default - none */
      readonly audience?: string;
      /** @default client_secret_basic */
      readonly tokenEndpointAuthMethod?: "client_secret_basic" | "client_secret_post";
    }
  | {
      readonly type: "iam";
      /** What to sign for. @default - taken from the endpoint's host name, which has to be one of AWS */
      readonly signedFor?: { readonly service: string; readonly region: string };
    };

/**
 * Where an MCP server is: a Lambda function that is invoked, or an https URL. A function of this app is given the tag that
 * lets it be invoked; one that is only referred to must carry it already.
 */
export type McpEndpoint = lambda.IFunction | { readonly url: string };

/** Properties of {@link McpServerRegistration}. */
export interface McpServerRegistrationProps {
  /** Stage of the Switchyard deployment to register with. */
  readonly stage: string;
  /** Id in the registry; an agent's action group names it. */
  readonly serverId: string;
  /** Semantic version; the highest active one of a server is used. */
  readonly version: string;
  readonly endpoint: McpEndpoint;
  /** Name for people. @default - the server's id */
  readonly serverName?: string;
  /** @default - none */
  readonly description?: string;
  /** @default jsonrpc */
  readonly protocol?: "jsonrpc" | "rest" | "graphql";
  /** @default - none: a Lambda endpoint is protected by IAM already */
  readonly authentication?: McpAuthentication;
  /**
   * Taken as they are, `annotations` included. Needed with the protocols rest and graphql.
   * @default - asked of the server when it is registered
   */
  readonly tools?: readonly McpTool[];
  /** State to register in. @default active */
  readonly status?: "active" | "inactive" | "maintenance";
  /** URL whose success means health. @default - an MCP request */
  readonly healthCheckUrl?: string;
  /**
   * What the registry and mcp_proxy need to know: `environment_argument` (the argument that holds the environment),
   * `status_tool` (the tool that tells how an execution is going) and `read_only_tools` (a list of names). Of the tools that
   * the server is asked for, only those named in the last two count as read-only, whatever the server says of them.
   * @default - nothing
   */
  readonly configuration?: Readonly<Record<string, unknown>>;
  /** What people want to know, such as team or cost center. @default - nothing */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Changes when the server's code does, so that its tools are read again. @default - they are read once per version */
  readonly fingerprint?: string;
}

/**
 * How long CloudFormation waits for a registration: longer than the function runs. By itself it would wait an hour for an
 * answer that got lost.
 */
export const REGISTRATION_TIMEOUT = Duration.minutes(2);

/** As handlers/src/registry/model.rs has it: the id is part of a secret's name. */
const SERVER_ID = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
/** Semantic Versioning 2.0.0, as far as a version has no build part. */
const VERSION = /^(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/;

/**
 * Puts an MCP server into the registry, and takes it out of service when the stack goes. Works in any stack of the
 * account and region that Switchyard runs in.
 */
export class McpServerRegistration extends Construct {
  constructor(scope: Construct, id: string, props: McpServerRegistrationProps) {
    super(scope, id);
    const stack = Stack.of(this);
    const { endpoint } = props;
    check("serverId", props.serverId, SERVER_ID, "1 to 63 of a-z, 0-9 and hyphens, no hyphen at either end");
    check("version", props.version, VERSION, "a semantic version such as 1.4.0");
    checkProtocol(props);
    const configuration = configurationOf(props);
    const authentication = props.authentication ?? { type: "none" };
    const tools = props.tools === undefined ? undefined : stack.toJsonString(props.tools);
    const resource = new CustomResource(this, "Resource", {
      resourceType: "Custom::SwitchyardMcpServer",
      serviceToken: functionArn(stack, functionName(props.stage, "registration")),
      serviceTimeout: REGISTRATION_TIMEOUT,
      properties: {
        ServerId: props.serverId,
        ServerName: props.serverName ?? props.serverId,
        Description: props.description,
        Version: props.version,
        EndpointUrl: "url" in endpoint ? endpoint.url : endpoint.functionArn,
        ProtocolType: props.protocol ?? "jsonrpc",
        AuthenticationType: authentication.type,
        ApiKeyHeader: authentication.type === "api_key" ? authentication.apiKeyHeader : undefined,
        // JSON strings: CloudFormation would turn nested numbers and booleans into strings.
        AvailableTools: tools,
        Configuration: configuration === undefined ? undefined : stack.toJsonString(configuration),
        Metadata: props.metadata === undefined ? undefined : stack.toJsonString(props.metadata),
        Status: props.status ?? "active",
        HealthCheckUrl: props.healthCheckUrl,
        DeploymentStack: stack.stackName,
        DeploymentRegion: stack.region,
        Fingerprint: props.fingerprint,
      },
    });
    if (!("url" in endpoint)) {
      Tags.of(endpoint).add(MCP_TAG, props.stage, { includeResourceTypes: ["AWS::Lambda::Function"] });
      resource.node.addDependency(endpoint);
    }
  }
}

/** The settings, with those of the authentication among them. */
function configurationOf(props: McpServerRegistrationProps): Readonly<Record<string, unknown>> | undefined {
  const { authentication, configuration } = props;
  if (authentication?.type === "oauth") {
    const oauth = {
      token_url: authentication.tokenUrl,
      scope: authentication.scope,
      audience: authentication.audience,
      token_endpoint_auth_method: authentication.tokenEndpointAuthMethod,
    };
    return { ...configuration, oauth };
  }
  if (authentication?.type === "iam" && authentication.signedFor !== undefined) {
    return { ...configuration, aws_auth: authentication.signedFor };
  }
  return configuration;
}

/** A Lambda function speaks MCP and is guarded by IAM; servers without MCP cannot be asked for their tools. */
function checkProtocol(props: McpServerRegistrationProps): void {
  const { protocol = "jsonrpc", authentication, endpoint, tools } = props;
  const mistake = (text: string) => new Mistake(`McpServerRegistration: ${text}`);
  if (!("url" in endpoint) && protocol !== "jsonrpc") {
    throw mistake(`protocol ${protocol} needs an endpoint with a url; a Lambda function is invoked with JSON-RPC`);
  }
  if (!("url" in endpoint) && authentication !== undefined && authentication.type !== "none") {
    throw mistake(`authentication ${authentication.type} needs an endpoint with a url; IAM guards a Lambda function`);
  }
  if (protocol !== "jsonrpc" && tools === undefined) {
    throw mistake(`protocol ${protocol} needs tools; only an MCP server can be asked for them`);
  }
}

/** What the registry would refuse anyway, told before anything is deployed. */
function check(property: string, value: string, pattern: RegExp, allowed: string): void {
  if (Token.isUnresolved(value) || pattern.test(value)) return;
  throw new Mistake(`McpServerRegistration: ${property} is ${JSON.stringify(value)}; allowed: ${allowed}`);
}
