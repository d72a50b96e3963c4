/** What the third-party servers of a deployment are made from: servers.yaml, their packages, and the tools found in them. */
import { readFileSync } from "node:fs";
import path from "node:path";
import type { Config } from "../config";
import type { HostedMcpServersProps } from "../constructs/hosted-mcp-servers";
import type { McpTool } from "../constructs/mcp-server-props";
import { Mistake } from "../mistake";
import { packagesOf } from "./package-list";
import { selectServers } from "./selection";
import type { Servers } from "./server";
import { readServers } from "./servers";
import { machineOf } from "./machine";

/** The servers with what is known of each. */
export type ServerSources = Pick<HostedMcpServersProps, "servers" | "packageOf" | "toolsOf">;

const NONE: Servers = { hosted: [], remote: [] };

/** Reads what the settings name; nothing is read where no server is deployed. Throws a {@link Mistake}. */
export function readSources(config: Config): ServerSources {
  return {
    servers: serversOf(config),
    packageOf: packagesOf(config.serverPackages, (server) => machineOf(config, server)),
    toolsOf: (id) => readTools(path.join(path.dirname(config.serversFile), "hosting", id, "tools.json")),
  };
}

/** The servers that a deployment has. Throws a {@link Mistake}. */
export function serversOf(config: Config): Servers {
  if (config.hostedServers.length === 0) return NONE;
  return selectServers(readServers(config.serversFile), config);
}

/** The tools that were found in a server when it was locked; undefined where nobody has looked yet. */
function readTools(file: string): readonly McpTool[] | undefined {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new Mistake(`${file}: ${(error as Error).message}: run "make servers-verify"`);
  }
  const { tools } = content as { readonly tools?: unknown };
  if (!Array.isArray(tools) || !tools.every(isTool)) {
    throw new Mistake(`${file}: tools is no list of tools with name and inputSchema: run "make servers-verify"`);
  }
  // A description is optional in MCP, and wanted by the registry.
  return tools.map((tool) => ({ ...tool, description: tool.description ?? `The tool ${tool.name}.` }));
}

function isTool(tool: unknown): tool is Omit<McpTool, "description"> & { readonly description?: string } {
  const { name, description, inputSchema } = (tool ?? {}) as Readonly<Record<string, unknown>>;
  return (
    typeof name === "string" &&
    typeof inputSchema === "object" &&
    inputSchema !== null &&
    (description === undefined || typeof description === "string")
  );
}
