/** The tools that were found in a server when it was last tried: `hosting/{id}/tools.json`. */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { hostingDirectory, requirementsOf } from "./locks";
import type { Workplace } from "./programs";
import type { HostedServer } from "./server";

/** A tool as the server describes it. Source: MCP 2025-11-25, tools. */
export interface Tool {
  readonly name: string;
  readonly title?: string;
  readonly description?: string;
  readonly inputSchema: object;
  readonly outputSchema?: object;
  readonly annotations?: object;
}

/** Name of the file. */
export const TOOLS = "tools.json";
/** A gateway joins its target, three underscores and the tool; Bedrock takes 64 characters. */
const MAX_NAME = 64;

/** What was tried: the program with its version. */
export function triedOf({ program }: HostedServer): string {
  if (program.kind === "python") return requirementsOf(program).join(" ");
  if (program.kind === "node") return `${program.package}@${program.version}`;
  return program.version === undefined ? program.path : `${program.path} ${program.version}`;
}

/** Writes the tools, sorted by name, so that a review sees what has changed and nothing else. `bytes`: size of the package. */
export function writeTools(place: Workplace, server: HostedServer, tools: readonly Tool[], bytes: number): void {
  const sorted = [...tools].sort((a, b) => (a.name < b.name ? -1 : 1)).map(ordered);
  const directory = hostingDirectory(place, server.id);
  const file = path.join(directory, TOOLS);
  mkdirSync(directory, { recursive: true });
  // In whole numbers, since a package differs a little from machine to machine.
  const content = { discovered_at: triedOf(server), package_mb: Math.ceil(bytes / 1024 / 1024), tools: sorted };
  writeFileSync(`${file}.part`, JSON.stringify(content, undefined, 2) + "\n");
  renameSync(`${file}.part`, file);
}

/** Why a gateway could not offer the tools of a server; undefined if it can. */
export function gatewayProblem({ id, gateway }: HostedServer, tools: readonly Tool[]): string | undefined {
  if (gateway === "none") return undefined;
  const long = tools.find(({ name }) => `${id}___${name}`.length > MAX_NAME);
  if (long === undefined) return undefined;
  return `${id}___${long.name} has more than ${MAX_NAME} characters: choose a shorter id, or gateway: none`;
}

/** Keys in one order; the schemas keep theirs, in which arguments are shown. */
function ordered(tool: Tool): Tool {
  const { name, title, description, inputSchema, outputSchema, annotations } = tool;
  return {
    name,
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    inputSchema,
    ...(outputSchema === undefined ? {} : { outputSchema }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}
