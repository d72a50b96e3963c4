/** Reads servers.yaml: the MCP servers that are hosted, and those that run elsewhere and are only registered. */
import { readFileSync } from "node:fs";
import path from "node:path";
import Ajv2020 from "ajv/dist/2020";
import { Mistake } from "../mistake";
import { describe, oneLine, readYaml, type Report } from "../yaml-file";
import { readLaunch, type Launch } from "./program";
import type { HostedServer, Registration, RemoteServer, Servers } from "./server";
import type { RemoteFile, ServerFile } from "./server-file";
import { checkHosted, checkId, checkRemote } from "./server-rules";

const SCHEMA = path.join(__dirname, "schema.json");
const ajv = new Ajv2020({ allErrors: true, verbose: true, allowUnionTypes: true });
const validate = ajv.compile<ServerFile>(JSON.parse(readFileSync(SCHEMA, "utf8")) as object);
/** Semantic Versioning 2.0.0 without a build part, which is what the registry takes. */
const SEMANTIC = /^(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/;

/** Reads a file. Throws a {@link Mistake} with a line (file, key, reason) for everything that is wrong in it. */
export function readServers(file: string): Servers {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Mistake(`${file}: cannot be read: ${(error as Error).message}`);
  }
  return serversOf(file, text);
}

/** The same for a text that has been read. */
export function serversOf(file: string, text: string): Servers {
  const problems: string[] = [];
  const reportAt =
    (id: string): Report =>
    (key, reason) => {
      const at = [id, key].filter((part) => part !== "").join(".");
      problems.push(`${file}: ${at === "" ? "" : `${at}: `}${oneLine(reason, 600)}`);
    };
  const hosted: HostedServer[] = [];
  const remote: RemoteServer[] = [];
  for (const [id, content] of entries(text, reportAt(""))) {
    const report = reportAt(oneLine(id, 100));
    const entry = readEntry(content, report);
    checkId(id, entry ?? {}, report);
    if (entry === undefined) continue;
    if (entry.runtime === "remote") {
      checkRemote(entry, report);
      if (entry.remote !== undefined) remote.push(remoteServer(id, entry, entry.remote));
      continue;
    }
    checkHosted(entry, report);
    const launch = readLaunch(entry, report);
    if (launch !== undefined) hosted.push(hostedServer(id, entry, launch, report));
  }
  if (problems.length > 0) throw new Mistake(problems.join("\n"));
  return { hosted, remote };
}

function entries(text: string, report: Report): [string, unknown][] {
  const content = readYaml(text, (reason) => {
    report("", `not valid YAML: ${reason}`);
  });
  // An empty file has no servers, which is what a team without any writes.
  if (content === undefined || content === null) return [];
  if (typeof content === "object" && !Array.isArray(content)) return Object.entries(content);
  report("", "the file must have one key for each server: its id");
  return [];
}

function readEntry(content: unknown, report: Report): ServerFile | undefined {
  if (validate(content)) return content;
  for (const error of validate.errors ?? []) {
    const finding = describe(error, "Switchyard");
    if (finding !== undefined) report(...finding);
  }
  return undefined;
}

function hostedServer(id: string, file: ServerFile, launch: Launch, report: Report): HostedServer {
  return {
    kind: "hosted",
    ...common(id, file, launch.program.version, report),
    program: launch.program,
    packaging: launch.packaging,
    systemPackages: file.system_packages ?? [],
    arguments: launch.arguments,
    environment: file.env ?? {},
    secrets: file.secrets ?? [],
    timeoutSeconds: file.timeout ?? 60,
    memoryMb: file.memory ?? 1024,
    ephemeralStorageMb: file.ephemeral_storage ?? 512,
    ...given("architecture", file.architecture),
    ...given("reservedConcurrency", file.reserved_concurrency),
    vpc: file.vpc ?? false,
    isolation: file.isolation ?? "environment",
    awsCredentials: file.aws_credentials ?? false,
    permissions: file.permissions ?? [],
    clientRequests: file.client_requests ?? "refuse",
    replay: file.replay ?? [],
    roots: file.roots ?? [],
    workingDirectory: file.cwd ?? "/tmp",
    allowedOrigins: file.allowed_origins ?? [],
    startTimeoutSeconds: file.start_timeout ?? Math.min(30, file.timeout ?? 60),
    gateway: file.gateway ?? "lambda",
    functionUrl: file.function_url ?? false,
  };
}

function remoteServer(id: string, file: ServerFile, remote: RemoteFile): RemoteServer {
  const { oauth } = remote;
  return {
    kind: "remote",
    ...common(id, file, undefined, () => undefined),
    endpointUrl: remote.endpoint_url,
    protocolType: remote.protocol_type ?? "jsonrpc",
    authenticationType: remote.authentication_type ?? "none",
    ...given("apiKeyHeader", remote.api_key_header),
    ...(oauth === undefined
      ? {}
      : {
          oauth: {
            tokenUrl: oauth.token_url,
            ...given("scope", oauth.scope),
            ...given("audience", oauth.audience),
            ...given("tokenEndpointAuthMethod", oauth.token_endpoint_auth_method),
          },
        }),
    ...given("signedFor", remote.signed_for),
    ...given("healthCheckUrl", remote.health_check_url),
  };
}

function common(id: string, file: ServerFile, version: string | undefined, report: Report) {
  return {
    id,
    name: file.name,
    description: file.description,
    enabled: file.enabled ?? true,
    ...given("deprecated", file.deprecated),
    registration: registration(file, version, report),
  };
}

function registration(
  { registration: file = {} }: ServerFile,
  version: string | undefined,
  report: Report,
): Registration {
  return {
    register: file.register ?? true,
    version: file.version ?? semanticVersion(version, report),
    status: file.status ?? "active",
    ...given("environmentArgument", file.environment_argument),
    ...given("statusTool", file.status_tool),
    readOnlyTools: file.read_only_tools ?? [],
    metadata: file.metadata ?? {},
  };
}

/** A version of the package's registry as one of ours: `1.4` is 1.4.0. */
function semanticVersion(version: string | undefined, report: Report): string {
  if (version === undefined) return "1.0.0";
  const filled = /^\d+(\.\d+)?$/.test(version) ? [...version.split("."), "0", "0"].slice(0, 3).join(".") : version;
  if (SEMANTIC.test(filled)) return filled;
  report(
    "registration.version",
    `missing: the registry takes semantic versions, which ${oneLine(version, 100)} is not`,
  );
  return "1.0.0";
}

const given = <K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> =>
  value === undefined ? {} : ({ [key]: value } as Record<K, V>);
