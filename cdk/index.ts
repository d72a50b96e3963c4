/** What other CDK apps import: the construct by which a team registers its MCP server. */
export type { ServerMetric } from "./constructs/health-metrics";
export { McpServer } from "./constructs/mcp-server";
export type {
  McpAuthenticationType,
  McpOAuth,
  McpProtocolType,
  McpRoute,
  McpServerEntry,
  McpServerProps,
  McpTool,
} from "./constructs/mcp-server-props";
export { Mistake } from "./mistake";
