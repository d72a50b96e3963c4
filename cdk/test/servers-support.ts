/** A servers.yaml with a server of every kind, with packages that hold next to nothing and tools as servers write them. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ArchitectureName } from "../config";
import { madeFrom, writePackages, type PackageList } from "../hosting/package-list";
import { readServers } from "../hosting/servers";
import { machineOf } from "../hosting/machine";
import { scratch } from "./support";

/** Every key that decides about resources is used by one of them. */
export const YAML = `
time:
  name: Time
  description: Tells the time
  command: uvx
  args: ["mcp-server-time@2026.1.26"]
  registration: { read_only_tools: [get_current_time] }
docs:
  name: Documentation
  description: Reads documentation
  command: npx
  args: ["@scope/server-docs@1.4.0", "--quiet"]
  env: { LOG_LEVEL: error }
  timeout: 20
  memory: 512
  ephemeral_storage: 1024
  architecture: x86_64
  reserved_concurrency: 5
  aws_credentials: true
  permissions:
    - actions: ["s3:GetObject", "s3:List*"]
      resources: ["arn:\${AWS::Partition}:s3:::docs-\${AWS::AccountId}/*"]
      conditions: { StringEquals: { "aws:PrincipalAccount": "111122223333" } }
    - actions: ["pricing:GetProducts"]
      resources: ["*"]
  secrets: [API_TOKEN, OTHER]
  registration: { environment_argument: stage, status_tool: get_state, metadata: { team: docs } }
asks:
  name: Asks
  description: Asks its client
  command: bin/asks
  isolation: caller
  client_requests: rendezvous
  function_url: true
  allowed_origins: ["https://pages.example"]
  gateway: mcp_server
  vpc: true
  deprecated: Use docs instead
apart:
  name: Apart
  description: Keeps tenants apart
  command: bin/apart
  isolation: caller
  gateway: none
  registration: { register: false }
elsewhere:
  name: Elsewhere
  description: Runs elsewhere
  runtime: remote
  remote: { endpoint_url: "https://mcp.example.com/mcp" }
off:
  name: "Off"
  description: Is not deployed
  enabled: false
  command: bin/off
heavy:
  name: Heavy
  description: Is too large for a zip
  command: uvx
  args: ["heavy-server@1.0.0"]
  runtime: image
`;

/** Tools of a server, as it lists them. */
const tools = (...names: readonly string[]) =>
  names.map((name) => ({
    name,
    description: `Does ${name}.`,
    inputSchema: {
      type: "object",
      properties: { stage: { anyOf: [{ type: "string" }, { type: "null" }], default: null } },
    },
    // What a server says of itself counts for nothing.
    annotations: { readOnlyHint: true, destructiveHint: false },
  }));
const TOOLS = { time: tools("get_current_time", "set_time"), docs: tools("search", "get_state"), heavy: tools("lift") };

/** Writes the servers beside their tools and packages; returns the settings for an account and for the local stage. */
export function serversOf(yaml = YAML): Readonly<Record<"onLambda" | "here", Readonly<Record<string, string>>>> {
  const directory = scratch();
  for (const [id, list] of Object.entries(TOOLS)) {
    mkdirSync(path.join(directory, "hosting", id), { recursive: true });
    writeFileSync(path.join(directory, "hosting", id, "tools.json"), JSON.stringify({ tools: list }));
  }
  const settings = (name: string, text: string, stage: string, architecture: ArchitectureName) => {
    const serversFile = path.join(directory, `${name}.yaml`);
    writeFileSync(serversFile, text);
    const packages = Object.fromEntries(
      readServers(serversFile).hosted.map((server) => {
        const made = path.join(directory, `${name}-${server.id}`);
        mkdirSync(made);
        writeFileSync(path.join(made, "stdio_host.json"), JSON.stringify({ server_id: server.id }));
        if (server.packaging === "image") writeFileSync(path.join(made, "Dockerfile"), "FROM scratch\n");
        const from = madeFrom(server, machineOf({ stage, architecture }, server));
        return [server.id, { directory: made, hash: `hash-of-${server.id}`, madeFrom: from }];
      }),
    ) satisfies PackageList;
    const serverPackages = path.join(directory, `${name}.json`);
    writePackages(serverPackages, packages);
    return { serversFile, serverPackages, hostedServers: "all" };
  };
  return {
    onLambda: settings("lambda", yaml, "dev", "arm64"),
    here: settings("here", yaml, "local", "x86_64"),
  };
}
