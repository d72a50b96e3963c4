/** What a team says about its MCP server, in the words of the registry. */
import type { Duration, SecretValue } from "aws-cdk-lib";
import type * as lambda from "aws-cdk-lib/aws-lambda";

/** A tool as MCP's tools/list names it. */
export interface McpTool {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the arguments. */
  readonly inputSchema: object;
  readonly outputSchema?: object;
  readonly annotations?: object;
  /** How the tool is called where that is no MCP: `switchyard/http` or `switchyard/graphql`; what it deploys. */
  readonly _meta?: object;
}

/** What a server speaks: MCP, plain HTTP routes, or GraphQL over HTTP. */
export type McpProtocolType = "jsonrpc" | "rest" | "graphql";

/** How calls prove who they are; see {@link McpServerProps.authenticationType}. */
export type McpAuthenticationType = "none" | "api_key" | "oauth" | "iam";

/** How a Lambda function is reached; see {@link McpServerProps.route}. */
export type McpRoute = "invoke" | "functionUrl" | "restApi";

/** Where OAuth client credentials are exchanged for tokens. */
export interface McpOAuth {
  /** Token endpoint for the client credentials grant; https. */
  readonly tokenUrl: string;
  /** @default - the token endpoint's own default */
  readonly scope?: string;
  /** @default - none */
  readonly audience?: string;
  /** @default client_secret_basic */
  readonly tokenEndpointAuthMethod?: "client_secret_basic" | "client_secret_post";
}

/** What the registry keeps of a server. */
export interface McpServerEntry {
  /** Stage of the Switchyard deployment to register with. */
  readonly stage: string;
  /** Id in the registry, 1 to 63 of a-z, 0-9 and hyphens; an agent's action group names it. */
  readonly serverId: string;
  /** Name for people. @default - the server's id */
  readonly serverName?: string;
  /** Semantic version; of several active ones the highest is called. @default 1.0.0 */
  readonly version?: string;
  /** What the server is for. @default - none */
  readonly description?: string;
  /** @default jsonrpc */
  readonly protocolType?: McpProtocolType;
  /**
   * What calls carry. `none`: nothing. `api_key`: the secret `switchyard/{stage}/mcp/{serverId}/api_key` in a header.
   * `oauth`: a token that the client credentials in the secret `switchyard/{stage}/mcp/{serverId}/oauth` are exchanged for.
   * `iam`: a signature under the role `switchyard-mcp/{stage}/switchyard-{stage}-mcp-{serverId}`, which is made here.
   * @default - what the route needs: `none` for `invoke`, `iam` for `functionUrl`, `api_key` for `restApi`; otherwise `none`
   */
  readonly authenticationType?: McpAuthenticationType;
  /** Header that carries the API key; a REST API made here reads X-API-Key. @default X-API-Key */
  readonly apiKeyHeader?: string;
  /** Needed with the authentication type `oauth`. @default - none */
  readonly oauth?: McpOAuth;
  /** What to sign for, where the host of `endpointUrl` is none of AWS. @default - taken from that host */
  readonly signedFor?: { readonly service: string; readonly region: string };
  /**
   * Taken as they are, `annotations` included. Needed with the protocols rest and graphql.
   * @default - the server is asked for them when it is deployed
   */
  readonly availableTools?: readonly McpTool[];
  /** State to register in. @default active */
  readonly status?: "active" | "inactive" | "maintenance";
  /** URL whose success means health. @default - that of the REST API made here; otherwise a request of the protocol */
  readonly healthCheckUrl?: string;
  /** Time between health checks, a minute to a day. @default - the registry's */
  readonly healthCheckInterval?: Duration;
  /**
   * What the registry and mcp_proxy need to know: `environment_argument` (the argument that holds the environment),
   * `status_tool` (the tool that tells how an execution is going) and `read_only_tools` (a list of names). Of the tools that
   * the server is asked for, only those named in the last two count as read-only, whatever the server says of them.
   * @default - nothing
   */
  readonly configuration?: Readonly<Record<string, unknown>>;
  /** What people want to know, such as team or cost center. @default - nothing */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /**
   * Any text; when it changes, the server is asked for its tools again.
   * @default - it changes with the code of `serverFunction`; without one, the tools are asked for once per version
   */
  readonly fingerprint?: string;
}

/** Properties of McpServer: an entry of the registry, and either where the server is or the function to make it from. */
export interface McpServerProps extends McpServerEntry {
  /** An https URL, or the ARN of a Lambda function that carries the tag `switchyard-mcp={stage}`. @default - serverFunction */
  readonly endpointUrl?: string;
  /** The function that is the server. @default - the server is at endpointUrl */
  readonly serverFunction?: lambda.IFunction;
  /**
   * How `serverFunction` is reached. `invoke`: by Lambda's own API with JSON-RPC messages as events; only roles that may do
   * so get in, and nothing else has to be made. `functionUrl`: by HTTP events, signed unless authenticationType is `none`.
   * `restApi`: by HTTP events, POST /mcp with a key and GET /health without one.
   * @default invoke
   */
  readonly route?: McpRoute;
  /** The key that the server at `endpointUrl` wants, to be kept in its secret. @default - a person makes the secret before */
  readonly apiKey?: SecretValue;
  /** Web pages that may call a function URL or REST API made here; the function's answers have to allow them too. @default - none */
  readonly allowOrigins?: readonly string[];
  /** Requests per second that a REST API made here admits in the long run. @default 20 */
  readonly throttleRate?: number;
  /** Requests that a REST API made here admits at once. @default 40 */
  readonly throttleBurst?: number;
}
