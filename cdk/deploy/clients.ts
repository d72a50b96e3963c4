/** Ready configuration for MCP clients and for a gateway of somebody else, from the outputs of the stack with the servers. */
import type { GatewayEntrance } from "../config";
import { arnOutput, urlOutput } from "../hosting/outputs";
import type { HostedServer } from "../hosting/server";

/** What the files are made from. */
export interface Deployed {
  readonly stage: string;
  readonly region: string;
  readonly gateway: GatewayEntrance;
  readonly servers: readonly HostedServer[];
  readonly outputs: Readonly<Record<string, string>>;
}

/**
 * Signs what a client over standard input and output says: desktop clients cannot sign by themselves. Pinned, since it handles
 * credentials. Its own guess of the service is wrong for function URLs, so service and region are always given.
 */
const BRIDGE = "mcp-proxy-for-aws@1.7.0";

/** How a client reaches a server: a program that it starts, or an address that it calls with a token. */
type Way = { readonly command: string; readonly args: readonly string[] } | { readonly url: string };

/** The files by name: one for each client, and `agentcore.json` with every function. None where there is nothing to reach. */
export function clientFiles(deployed: Deployed): ReadonlyMap<string, string> {
  const { servers, outputs } = deployed;
  const functions = servers.flatMap(({ id, description }) => {
    const arn = outputs[arnOutput(id)];
    return arn === undefined ? [] : [[id, { type: "lambda", arn, description }] as const];
  });
  const files = new Map<string, string>();
  const put = (name: string, content: object) => files.set(name, `${JSON.stringify(content, undefined, 2)}\n`);
  if (functions.length > 0) put("agentcore.json", { mcpServers: Object.fromEntries(functions) });
  const ways = waysOf(deployed);
  if (ways.length === 0) return files;
  put("cursor.json", { mcpServers: Object.fromEntries(ways) });
  put("claude.json", { mcpServers: typed(ways) });
  put("vscode.json", { servers: typed(ways) });
  return files;
}

/** The gateway where there is one, since it has all servers; and each server that has a URL. */
function waysOf({ stage, region, gateway, servers, outputs }: Deployed): readonly (readonly [string, Way])[] {
  const signed = (url: string, service: string): Way => ({
    command: "uvx",
    args: [BRIDGE, url, "--service", service, "--region", region],
  });
  const name = `switchyard-${stage}`;
  const gatewayUrl = outputs["GatewayUrl"];
  const first: (readonly [string, Way])[] =
    gatewayUrl === undefined
      ? []
      : [[name, gateway === "jwt" ? { url: gatewayUrl } : signed(gatewayUrl, "bedrock-agentcore")]];
  const others = servers.flatMap(({ id }): (readonly [string, Way])[] => {
    const url = outputs[urlOutput(id)];
    return url === undefined ? [] : [[`${name}-${id}`, signed(url, "lambda")]];
  });
  return [...first, ...others];
}

/** Some clients want to be told which way it is. */
function typed(ways: readonly (readonly [string, Way])[]): Readonly<Record<string, object>> {
  return Object.fromEntries(ways.map(([name, way]) => [name, { type: "url" in way ? "http" : "stdio", ...way }]));
}
