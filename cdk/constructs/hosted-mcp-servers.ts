import { Construct } from "constructs";
import type { Config } from "../config";
import type { HostedServer, RemoteServer, Servers } from "../hosting/server";
import { HostedFunction, type ServerPackage } from "./hosted-function";
import { McpServer } from "./mcp-server";
import type { McpServerEntry, McpTool } from "./mcp-server-props";

/** Properties of {@link HostedMcpServers}. */
export interface HostedMcpServersProps extends Pick<Config, "stage" | "hostedNamePrefix" | "architecture" | "network"> {
  /** Those that are deployed. */
  readonly servers: Servers;
  /** The package of a server. */
  readonly packageOf: (server: HostedServer) => ServerPackage;
  /** The tools that were found in a server when it was locked; undefined for one that is asked when it is registered. */
  readonly toolsOf: (serverId: string) => readonly McpTool[] | undefined;
}

/**
 * The third-party servers of servers.yaml: a function for each that is hosted, and an entry of the registry for each that is
 * to be registered, wherever it runs. Of what a server says about its own tools, only names, descriptions and schemas are
 * taken over: whether one only reads is for servers.yaml to say.
 */
export class HostedMcpServers extends Construct {
  /** By the server's id, in the order of the file. */
  readonly functions: ReadonlyMap<string, HostedFunction>;
  /** By the server's id; those that are registered. */
  readonly registrations: ReadonlyMap<string, McpServer>;

  constructor(scope: Construct, id: string, props: HostedMcpServersProps) {
    super(scope, id);
    const { stage, servers } = props;
    const registrations = new Map<string, McpServer>();
    this.functions = new Map(
      servers.hosted.map((server) => {
        const made = props.packageOf(server);
        const fn = new HostedFunction(this, server.id, {
          ...props,
          server,
          package: made,
          namePrefix: props.hostedNamePrefix,
        });
        if (server.registration.register) {
          const registration = new McpServer(fn, "Registration", {
            ...entryOf(stage, server, props.toolsOf(server.id)),
            serverFunction: fn.function,
            fingerprint: made.hash,
          });
          // Without its secrets and rights it would not start when it is asked for its version.
          registration.node.addDependency(fn);
          registrations.set(server.id, registration);
        }
        return [server.id, fn];
      }),
    );
    for (const server of servers.remote.filter(({ registration }) => registration.register)) {
      registrations.set(server.id, this.registerRemote(stage, server, props.toolsOf(server.id)));
    }
    this.registrations = registrations;
  }

  private registerRemote(stage: string, server: RemoteServer, tools: readonly McpTool[] | undefined): McpServer {
    const { apiKeyHeader, oauth, signedFor, healthCheckUrl } = server;
    return new McpServer(this, server.id, {
      ...entryOf(stage, server, tools),
      endpointUrl: server.endpointUrl,
      protocolType: server.protocolType,
      authenticationType: server.authenticationType,
      ...(apiKeyHeader === undefined ? {} : { apiKeyHeader }),
      ...(oauth === undefined ? {} : { oauth }),
      ...(signedFor === undefined ? {} : { signedFor }),
      ...(healthCheckUrl === undefined ? {} : { healthCheckUrl }),
    });
  }
}

/** What the registry keeps of a server, as far as that does not depend on where it runs. */
function entryOf(
  stage: string,
  { id, name, description, deprecated, registration }: HostedServer | RemoteServer,
  tools: readonly McpTool[] | undefined,
): McpServerEntry {
  const { environmentArgument, statusTool, readOnlyTools } = registration;
  return {
    stage,
    serverId: id,
    serverName: name,
    description,
    version: registration.version,
    status: registration.status,
    configuration: {
      read_only_tools: readOnlyTools,
      ...(environmentArgument === undefined ? {} : { environment_argument: environmentArgument }),
      ...(statusTool === undefined ? {} : { status_tool: statusTool }),
    },
    metadata: { ...registration.metadata, ...(deprecated === undefined ? {} : { deprecated }) },
    ...(tools === undefined ? {} : { availableTools: tools.map(distrusted) }),
  };
}

/** A tool without what its server claims of it. */
function distrusted({ name, description, inputSchema, outputSchema }: McpTool): McpTool {
  return { name, description, inputSchema, ...(outputSchema === undefined ? {} : { outputSchema }) };
}
