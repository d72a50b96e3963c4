/** An MCP server of servers.yaml, checked and with every default filled in. */
import type { McpAuthenticationType, McpOAuth } from "../constructs/mcp-server-props";
import type { ArchitectureName } from "../config";

/** Managed runtimes with Python that a server can have. Source: AWS Lambda, "Lambda runtimes". */
export const PYTHON_RUNTIMES = ["python3.11", "python3.12", "python3.13", "python3.14"] as const;
/** Managed runtimes with Node that a server can have. Source: AWS Lambda, "Lambda runtimes". */
export const NODE_RUNTIMES = ["nodejs22.x", "nodejs24.x"] as const;

export type PythonRuntime = (typeof PYTHON_RUNTIMES)[number];
export type NodeRuntime = (typeof NODE_RUNTIMES)[number];

/** A package of PyPI, run by one of its console scripts. */
export interface PythonProgram {
  readonly kind: "python";
  /** Normalised as PEP 503 has it, without extras. */
  readonly package: string;
  /** Sorted. */
  readonly extras: readonly string[];
  /** Exact, as PEP 440 has it. */
  readonly version: string;
  /** Console script. @default - the one that is called as the package, or the package's only one */
  readonly script?: string;
  /** Further requirements, as PEP 508 has them, such as `mcp<2`. */
  readonly with: readonly string[];
  readonly runtime: PythonRuntime;
}

/** A package of npm, run by one of its programs. */
export interface NodeProgram {
  readonly kind: "node";
  readonly package: string;
  /** Exact, as Semantic Versioning 2.0.0 has it. */
  readonly version: string;
  /** Key of the package's `bin`. @default - the one that is called as the package, or the package's only one */
  readonly script?: string;
  /** Further packages, each with its version: `name@version`. */
  readonly with: readonly string[];
  readonly runtime: NodeRuntime;
}

/** An executable for Linux that is already built. */
export interface BinaryProgram {
  readonly kind: "binary";
  /** File, from the directory of servers.yaml; `{architecture}` in it stands for arm64 or x86_64. */
  readonly path: string;
  readonly version?: string;
  readonly runtime: "provided.al2023";
}

export type Program = PythonProgram | NodeProgram | BinaryProgram;

/** Something that the role of a function may do. */
export interface PermissionStatement {
  readonly actions: readonly string[];
  /** `*` or ARNs, in which `${AWS::Partition}`, `${AWS::Region}` and `${AWS::AccountId}` stand for those of the deployment. */
  readonly resources: readonly string[];
  readonly conditions?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/** What the registry is told of a server. */
export interface Registration {
  /** Whether the registry is told at all. */
  readonly register: boolean;
  /** Semantic version. @default - the program's, filled up to three numbers; 1.0.0 where the program has none */
  readonly version: string;
  readonly status: "active" | "inactive" | "maintenance";
  /** Argument that names the environment. @default - none: the tools know no environments */
  readonly environmentArgument?: string;
  /** Tool that tells how an execution is going. @default - none */
  readonly statusTool?: string;
  /** Tools that only read, as a person has approved. */
  readonly readOnlyTools: readonly string[];
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** How AgentCore Gateway reaches a server, if the deployment has a gateway. */
export type GatewayTarget = "lambda" | "mcp_server" | "none";

/** What both kinds of servers have. */
interface Entry {
  /** Key in servers.yaml and id in the registry. */
  readonly id: string;
  /** Name for people. */
  readonly name: string;
  readonly description: string;
  /** Whether it is deployed. */
  readonly enabled: boolean;
  /** Why people should move away from it, and where to. @default - it is in good standing */
  readonly deprecated?: string;
  readonly registration: Registration;
}

/** A server that runs in a Lambda function of its own. */
export interface HostedServer extends Entry {
  readonly kind: "hosted";
  readonly program: Program;
  /** Whether the function's code is a zip or a container image. */
  readonly packaging: "zip" | "image";
  /** Packages of Amazon Linux 2023 that the image gets. Empty for a zip, which cannot bring any. */
  readonly systemPackages: readonly string[];
  /** Arguments of the program. `${LAMBDA_TASK_ROOT}` in them stands for the package's directory. */
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Environment variables whose values are secrets: that of X is `switchyard/{stage}/mcp/{id}/env/X`. */
  readonly secrets: readonly string[];
  readonly timeoutSeconds: number;
  readonly memoryMb: number;
  readonly ephemeralStorageMb: number;
  /** @default - the deployment's */
  readonly architecture?: ArchitectureName;
  /** @default - none is reserved */
  readonly reservedConcurrency?: number;
  /** Whether the function is in the deployment's VPC. */
  readonly vpc: boolean;
  /** How far one run of the program serves: all calls of an execution environment, those of one caller, or one call. */
  readonly isolation: "environment" | "caller" | "call";
  /** Whether the program gets the credentials of the function's role. */
  readonly awsCredentials: boolean;
  readonly permissions: readonly PermissionStatement[];
  /** What happens to requests of the server to its client (sampling, elicitation) where a signed state does not do. */
  readonly clientRequests: "refuse" | "rendezvous";
  /** Tools that may be run again, beside those that it calls read-only or idempotent itself. */
  readonly replay: readonly string[];
  readonly roots: readonly string[];
  readonly workingDirectory: string;
  /** Origins of web pages that may call, besides pages of the same host. */
  readonly allowedOrigins: readonly string[];
  readonly startTimeoutSeconds: number;
  readonly gateway: GatewayTarget;
  /** Whether the function has a URL, which wants IAM signatures. */
  readonly functionUrl: boolean;
}

/** A server that runs elsewhere: it is registered, not hosted. */
export interface RemoteServer extends Entry {
  readonly kind: "remote";
  /** https. */
  readonly endpointUrl: string;
  readonly protocolType: "jsonrpc";
  readonly authenticationType: McpAuthenticationType;
  /** @default X-API-Key */
  readonly apiKeyHeader?: string;
  readonly oauth?: McpOAuth;
  readonly signedFor?: { readonly service: string; readonly region: string };
  readonly healthCheckUrl?: string;
}

/** All servers of servers.yaml, in the order of the file. */
export interface Servers {
  readonly hosted: readonly HostedServer[];
  readonly remote: readonly RemoteServer[];
}
