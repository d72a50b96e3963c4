/**
 * A stand-in for AWS on the loopback address that answers in the wire formats of its services: query and XML (STS,
 * CloudFormation), JSON with a target header (Systems Manager, DynamoDB, Secrets Manager), REST (Bedrock).
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** An answer, `silence` for a connection that stays open, or `hangup` for one that is cut. */
export type Answer =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body: string }
  | "silence"
  | "hangup";

/** Answers by operation: one for every call, or one for each call in turn, the last one from then on. */
export type Answers = Readonly<Record<string, Answer | readonly Answer[] | ((call: Call) => Answer)>>;

/** A call as it arrived. */
export interface Call {
  readonly operation: string;
  readonly path: string;
  readonly body: string;
}

export const ACCOUNT = "123456789012";
export const REGION = "eu-central-1";
export const MAINTENANCE =
  "Bedrock Agents is in Maintenance Mode. New agent creation is not available for accounts without prior service " +
  "usage. To learn more visit https://docs.aws.amazon.com/bedrock/latest/userguide/agents-maintenance-mode.html.";

export const json = (body: unknown, status = 200): Answer => ({
  status,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

/** An error of a REST service. */
export const restError = (status: number, type: string, message: string): Answer => ({
  status,
  headers: {
    "content-type": "application/json",
    "x-amzn-errortype": `${type}:http://internal.amazon.com/coral/com.amazon.bedrock/`,
  },
  body: JSON.stringify({ message }),
});

/** An error of a service with a target header. */
export const targetError = (type: string, message: string, status = 400): Answer => ({
  status,
  headers: { "content-type": "application/x-amz-json-1.1" },
  body: JSON.stringify({ __type: type, message }),
});

/** An error of a query service. */
export const queryError = (status: number, code: string, message: string): Answer => ({
  status,
  headers: { "content-type": "text/xml" },
  body: `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>6a1b</RequestId></ErrorResponse>`,
});

const xml = (operation: string, result: string): Answer => ({
  status: 200,
  headers: { "content-type": "text/xml" },
  body: `<${operation}Response><${operation}Result>${result}</${operation}Result><ResponseMetadata><RequestId>6a1b</RequestId></ResponseMetadata></${operation}Response>`,
});

export const callerIdentity = (account = ACCOUNT): Answer =>
  xml(
    "GetCallerIdentity",
    `<Arn>arn:aws:iam::${account}:user/ann</Arn><UserId>AIDAEXAMPLE</UserId><Account>${account}</Account>`,
  );

export const stackStatus = (status: string, name = "Switchyard-dev-data"): Answer =>
  xml(
    "DescribeStacks",
    `<Stacks><member><StackName>${name}</StackName><CreationTime>2026-11-01T10:00:00Z</CreationTime><StackStatus>${status}</StackStatus></member></Stacks>`,
  );

export const noStack: Answer = queryError(400, "ValidationError", "Stack with id Switchyard-dev-data does not exist");

export const stackTemplate = (template: unknown): Answer =>
  xml(
    "GetTemplate",
    `<TemplateBody>${JSON.stringify(template).replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</TemplateBody>`,
  );

export const stackResources = (resources: readonly (readonly [logical: string, type: string, id: string])[]): Answer =>
  xml(
    "ListStackResources",
    `<StackResourceSummaries>${resources
      .map(
        ([logical, type, id]) =>
          `<member><LogicalResourceId>${logical}</LogicalResourceId><PhysicalResourceId>${id}</PhysicalResourceId>` +
          `<ResourceType>${type}</ResourceType><ResourceStatus>CREATE_COMPLETE</ResourceStatus>` +
          `<LastUpdatedTimestamp>2026-11-01T10:00:00Z</LastUpdatedTimestamp></member>`,
      )
      .join("")}</StackResourceSummaries>`,
  );

export const availability = (
  changes: Readonly<Record<string, unknown>> = {},
  agreement: Readonly<Record<string, string>> = { status: "AVAILABLE" },
): Answer =>
  json({
    modelId: "m",
    agreementAvailability: agreement,
    authorizationStatus: "AUTHORIZED",
    entitlementAvailability: "AVAILABLE",
    regionAvailability: "AVAILABLE",
    ...changes,
  });

export const foundationModel = (lifecycle: unknown = { status: "ACTIVE" }, types: unknown = ["ON_DEMAND"]): Answer =>
  json({
    modelDetails: {
      modelArn: "arn:aws:bedrock:eu-central-1::foundation-model/m",
      modelId: "m",
      modelLifecycle: lifecycle,
      inferenceTypesSupported: types,
    },
  });

export const agents = (...names: readonly string[]): Answer =>
  json({
    agentSummaries: names.map((agentName, i) => ({
      agentId: `AGENT${i}`,
      agentName,
      agentStatus: "PREPARED",
      updatedAt: "2026-11-01T10:00:00Z",
    })),
  });

export const createdAgent: Answer = json(
  { agent: { agentId: "PROBE12345", agentName: "switchyard-probe-delete-me", agentStatus: "CREATING" } },
  202,
);

/** A bootstrapped account with models, agents of others, and nothing of ours. */
export const GOOD: Answers = {
  GetCallerIdentity: callerIdentity(),
  GetParameter: json({ Parameter: { Name: "/cdk-bootstrap/hnb659fds/version", Type: "String", Value: "30" } }),
  GetInferenceProfile: json({
    inferenceProfileName: "Global",
    inferenceProfileArn: "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/p",
    inferenceProfileId: "p",
    models: [],
    status: "ACTIVE",
    type: "SYSTEM_DEFINED",
  }),
  GetFoundationModel: foundationModel(),
  GetFoundationModelAvailability: availability(),
  GetUseCaseForModelAccess: json({ formData: "eyJjb21wYW55TmFtZSI6IngifQ==" }),
  ListAgents: agents("support-desk"),
  DescribeStacks: noStack,
  DescribeTable: targetError(
    "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException",
    "Requested resource not found: Table: DeploymentMemory-dev not found",
  ),
  DescribeSecret: targetError("ResourceNotFoundException", "Secrets Manager can't find the specified secret."),
};

/** How long the clients of the tests wait: for a silent double as short as a busy machine lets them. */
export const QUICK = { connectionTimeout: 500, requestTimeout: 500, throwOnRequestTimeout: true };

/** The double, started; whatever the answers do not name is refused loudly. */
export class AwsDouble {
  readonly calls: Call[] = [];
  private answers: Answers = {};
  private readonly told = new Map<string, number>();

  private constructor(private readonly server: Server) {}

  static async start(): Promise<AwsDouble> {
    const server = createServer();
    const double = new AwsDouble(server);
    server.on("request", (request, response) => void double.answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    // The SDK reads these when a client is made.
    process.env["AWS_ENDPOINT_URL"] = double.url;
    process.env["AWS_ACCESS_KEY_ID"] = "AKIDEXAMPLE";
    process.env["AWS_SECRET_ACCESS_KEY"] = "secret";
    process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";
    for (const name of ["AWS_SESSION_TOKEN", "AWS_PROFILE"]) Reflect.deleteProperty(process.env, name);
    return double;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Answers from now on as an account does where all is well, but for what is given. */
  set(changes: Answers = {}): void {
    this.answers = { ...GOOD, ...changes };
    this.calls.length = 0;
    this.told.clear();
  }

  /** Operations that were called, each once, sorted. */
  called(): readonly string[] {
    return [...new Set(this.calls.map(({ operation }) => operation))].sort();
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const call: Call = { operation: operationOf(request, body), path: request.url ?? "", body };
    this.calls.push(call);
    const answer = this.choose(call);
    if (answer === "silence") return;
    if (answer === "hangup") {
      response.destroy();
      return;
    }
    response.writeHead(answer.status, answer.headers);
    response.end(answer.body);
  }

  private choose(call: Call): Answer {
    const answer = this.answers[call.operation];
    if (answer === undefined) return restError(501, "NoAnswer", `the double has no answer for ${call.operation}`);
    if (typeof answer === "function") return answer(call);
    if (!Array.isArray(answer)) return answer as Answer;
    const turn = this.told.get(call.operation) ?? 0;
    this.told.set(call.operation, turn + 1);
    return (answer as readonly Answer[])[Math.min(turn, answer.length - 1)]!;
  }
}

const REST: readonly (readonly [method: string, path: RegExp, operation: string])[] = [
  ["GET", /^\/inference-profiles\//, "GetInferenceProfile"],
  ["GET", /^\/foundation-models\//, "GetFoundationModel"],
  ["GET", /^\/foundation-model-availability\//, "GetFoundationModelAvailability"],
  ["GET", /^\/use-case-for-model-access/, "GetUseCaseForModelAccess"],
  ["POST", /^\/agents\/$/, "ListAgents"],
  ["PUT", /^\/agents\/$/, "CreateAgent"],
  ["DELETE", /^\/agents\/[^/]+\//, "DeleteAgent"],
];

function operationOf(request: IncomingMessage, body: string): string {
  const target = request.headers["x-amz-target"];
  if (typeof target === "string") return target.split(".").at(-1) ?? target;
  const action = new URLSearchParams(body).get("Action");
  if (action !== null) return action;
  const found = REST.find(([method, path]) => method === request.method && path.test(request.url ?? ""));
  return found?.[2] ?? `${String(request.method)} ${String(request.url)}`;
}
