import { Duration, Size, Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";
import { acknowledge } from "../acknowledge";
import { LOCAL_STAGE, type ArchitectureName } from "../config";
import type { HostedServer, PermissionStatement } from "../hosting/server";
import { Mistake } from "../mistake";
import { hostedSecretPrefix, secretArn, signingKeySecret, stateTable, tableArn, variableSecret } from "../names";
import type { Network } from "../networks";
import { PUNCTUATION } from "./api-key-secret";
import { attachToVpc } from "./network";
import { OwnFunction } from "./own-function";
import { architectureOf } from "./rust-function";

/** A server as it was packed for Lambda. */
export interface ServerPackage {
  /** With stdio_host, stdio_host.json and the server in it; for a container image also with a Dockerfile. */
  readonly directory: string;
  /** Changes when anything in it does. */
  readonly hash: string;
}

/** Properties of {@link HostedFunction}. */
export interface HostedFunctionProps {
  readonly stage: string;
  readonly server: HostedServer;
  readonly package: ServerPackage;
  /** What the function's name begins with; the server's id follows. */
  readonly namePrefix: string;
  /** Instruction set of a server that names none. */
  readonly architecture: ArchitectureName;
  /** VPC of the deployment, which the server is in if it asks for it. @default - there is none */
  readonly network?: Network;
}

/** Headers of a signed request. Source: IAM user guide, "Create a signed AWS API request". */
const SIGNING_HEADERS = ["authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"];
/** Headers of a message. Source: MCP 2025-11-25 and 2026-07-28, "Streamable HTTP". */
const MESSAGE_HEADERS = ["accept", "content-type", "mcp-method", "mcp-name", "mcp-protocol-version", "mcp-session-id"];
/** Longest name of a function. Source: AWS Lambda API, CreateFunction. */
const MAX_FUNCTION_NAME = 64;
/** Where Lambda unpacks a zip. Source: AWS Lambda developer guide, LAMBDA_TASK_ROOT. */
const TASK_ROOT = "/var/task";
/** Rights for items through which answers of clients travel from one environment to another. */
const RENDEZVOUS = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"];

/**
 * A third-party MCP server that speaks over standard input and output, as a Lambda function of its own: stdio_host runs it.
 * Its role may do what servers.yaml says, and read the secrets of this one server.
 */
export class HostedFunction extends OwnFunction {
  /** Address for MCP clients that sign their requests; only with `function_url`. */
  readonly url: lambda.FunctionUrl | undefined;

  constructor(scope: Construct, id: string, props: HostedFunctionProps) {
    const { stage, server } = props;
    const name = `${props.namePrefix}${server.id}`;
    if (name.length > MAX_FUNCTION_NAME) {
      throw new Mistake(
        `${server.id}: its function would be called ${name}, and ${MAX_FUNCTION_NAME} characters are allowed: ` +
          "choose a shorter id or hostedNamePrefix",
      );
    }
    // An emulator does not stream what a function URL answers.
    const streams = server.functionUrl && stage !== LOCAL_STAGE;
    const signs = needsSigningKey(server);
    const rendezvous = server.clientRequests === "rendezvous";
    super(scope, id, {
      name,
      description: `MCP server ${server.name}`.slice(0, 256),
      ...codeOf(stage, server, props.package),
      architecture: architectureOf(server.architecture ?? props.architecture),
      timeout: Duration.seconds(server.timeoutSeconds),
      memorySize: server.memoryMb,
      ephemeralStorageSize: Size.mebibytes(server.ephemeralStorageMb),
      ...(server.reservedConcurrency === undefined ? {} : { reservedConcurrentExecutions: server.reservedConcurrency }),
      ...(isolatesTenants(server) ? { tenancyConfig: lambda.TenancyConfig.PER_TENANT } : {}),
      environment: {
        STAGE: stage,
        SECRET_PREFIX: hostedSecretPrefix(stage, server.id),
        RESPONSE_MODE: streams ? "stream" : "buffer",
        ...(signs ? { SIGNING_KEY_SECRET: signingKeySecret(stage, server.id) } : {}),
        ...(rendezvous ? { STATE_TABLE: stateTable(stage) } : {}),
        ...(wrapped(stage, server) ? { AWS_LAMBDA_EXEC_WRAPPER: `${TASK_ROOT}/stdio_host` } : {}),
      },
      ...(server.permissions.some(({ resources }) => resources.includes("*"))
        ? { onEverything: granted(server.id) }
        : {}),
      noQueue:
        "Every caller waits for the answer and is told when there is none: an event kept in a queue would act after that.",
    });
    if (signs) this.addSigningKey(stage, server.id);
    if (rendezvous) this.allowRendezvous(stage, server.id);
    const stack = Stack.of(this);
    // Six characters follow the name of every secret; exactly six, so that no longer name fits.
    const values = server.secrets.map(
      (variable) => `${secretArn(stack, variableSecret(stage, server.id, variable))}-??????`,
    );
    if (values.length > 0) this.allow(["secretsmanager:GetSecretValue"], values);
    for (const statement of server.permissions) this.permit(server.id, statement);
    // There is no VPC on one machine.
    if (server.vpc && stage !== LOCAL_STAGE) attachToVpc(this, networkOf(props));
    this.url = server.functionUrl ? this.addUrl(streams, server.allowedOrigins) : undefined;
    if (wrapped(stage, server)) {
      for (const finding of ["AwsSolutions-L1", "Serverless-LambdaLatestVersion"]) {
        acknowledge(
          this.function,
          finding,
          "The version of the runtime is the one that the package was locked and tried with; servers.yaml names it.",
        );
      }
    }
  }

  private addSigningKey(stage: string, serverId: string): void {
    const key = new secretsmanager.Secret(this, "SigningKey", {
      secretName: signingKeySecret(stage, serverId),
      description: `Key by which the MCP server ${serverId} recognises its own sessions and states.`,
      generateSecretString: { excludeCharacters: PUNCTUATION, passwordLength: 64 },
    });
    acknowledge(
      key,
      "AwsSolutions-SMG4",
      "A new key would end the sessions of all clients; it never leaves the function.",
    );
    this.allow(["secretsmanager:GetSecretValue"], [key.secretArn]);
    this.function.node.addDependency(key);
  }

  /** Items of this server alone: their key begins with its id. */
  private allowRendezvous(stage: string, serverId: string): void {
    this.role.addToPolicy(
      new iam.PolicyStatement({
        actions: RENDEZVOUS,
        resources: [tableArn(Stack.of(this), stateTable(stage))],
        conditions: {
          "ForAllValues:StringLike": { "dynamodb:LeadingKeys": [`rendezvous#${serverId}#*`] },
          // Without it, a request that names no key at all would do.
          Null: { "dynamodb:LeadingKeys": "false" },
        },
      }),
    );
  }

  /** What servers.yaml grants, in the account and region of the deployment. */
  private permit(serverId: string, { actions, resources, conditions }: PermissionStatement): void {
    const stack = Stack.of(this);
    const here = resources.map((resource) =>
      resource
        .replaceAll("${AWS::Partition}", stack.partition)
        .replaceAll("${AWS::Region}", stack.region)
        .replaceAll("${AWS::AccountId}", stack.account),
    );
    this.role.addToPolicy(
      new iam.PolicyStatement({
        actions: [...actions],
        resources: here,
        ...(conditions === undefined ? {} : { conditions }),
      }),
    );
    const reason = granted(serverId);
    const policy = this.role.node.findChild("DefaultPolicy");
    for (const action of actions.filter((one) => one.includes("*"))) {
      acknowledge(policy, `AwsSolutions-IAM5[Action::${action}]`, reason);
    }
    // The one for everything is acknowledged once, with what every function may.
    for (const resource of here.filter((one) => one.includes("*") && one !== "*"))
      this.acknowledgeWildcard(resource, reason);
  }

  private addUrl(streams: boolean, allowedOrigins: readonly string[]): lambda.FunctionUrl {
    return this.function.addFunctionUrl({
      authType: lambda.FunctionUrlAuthType.AWS_IAM,
      ...(allowedOrigins.length > 0 && { cors: corsOf(allowedOrigins) }),
      invokeMode: streams ? lambda.InvokeMode.RESPONSE_STREAM : lambda.InvokeMode.BUFFERED,
    });
  }
}

/** What browsers are told who ask before a page of these origins calls. */
function corsOf(origins: readonly string[]): lambda.FunctionUrlCorsOptions {
  return {
    allowedOrigins: [...origins],
    allowedMethods: [lambda.HttpMethod.GET, lambda.HttpMethod.POST],
    allowedHeaders: [...SIGNING_HEADERS, ...MESSAGE_HEADERS],
    exposedHeaders: ["mcp-session-id"],
    maxAge: Duration.hours(1),
  };
}

/**
 * Whether Lambda itself keeps callers apart, each in environments of its own. Then every invocation has to name a tenant, which
 * the registry, a gateway and a function URL cannot: behind those, stdio_host starts the server afresh for each caller.
 * Source: AWS Lambda developer guide, "Tenant isolation".
 */
export function isolatesTenants({ isolation, registration, gateway, functionUrl }: HostedServer): boolean {
  return isolation === "caller" && !registration.register && gateway === "none" && !functionUrl;
}

const granted = (serverId: string): string =>
  `Granted to the server ${serverId} in servers.yaml, where each change of it is reviewed.`;

/** Sessions are for clients of the URL; a state travels with clients of any door, where one waits for the other. */
const needsSigningKey = ({ functionUrl, clientRequests }: HostedServer): boolean =>
  functionUrl || clientRequests === "rendezvous";

/** Whether stdio_host takes the place of a managed runtime's own client; an emulator knows no wrappers. */
const wrapped = (stage: string, { program, packaging }: HostedServer): boolean =>
  stage !== LOCAL_STAGE && packaging === "zip" && program.kind !== "binary";

/** Whether the function runs a container image; on one machine nothing does. */
const isImage = (stage: string, { packaging }: HostedServer): boolean => stage !== LOCAL_STAGE && packaging === "image";

function codeOf(
  stage: string,
  server: HostedServer,
  { directory, hash }: ServerPackage,
): Pick<lambda.FunctionProps, "code" | "handler" | "runtime"> {
  if (isImage(stage, server)) {
    const code = lambda.Code.fromAssetImage(directory);
    return { code, handler: lambda.Handler.FROM_IMAGE, runtime: lambda.Runtime.FROM_IMAGE };
  }
  const code = lambda.Code.fromAsset(directory, { assetHash: hash });
  return wrapped(stage, server)
    ? { code, handler: "stdio_host", runtime: new lambda.Runtime(server.program.runtime, familyOf(server)) }
    : { code, handler: "bootstrap", runtime: lambda.Runtime.PROVIDED_AL2023 };
}

function familyOf({ program }: HostedServer): lambda.RuntimeFamily {
  return program.kind === "node" ? lambda.RuntimeFamily.NODEJS : lambda.RuntimeFamily.PYTHON;
}

function networkOf({ server, network }: HostedFunctionProps): Network {
  if (network !== undefined) return network;
  throw new Mistake(
    `${server.id}: vpc is true in servers.yaml, and the deployment has none: give vpcId, subnetIds, securityGroupIds`,
  );
}
