/** Names of the outputs that tell where a hosted server is. */

/** Output with the ARN of a server's function: `McpAwspricingLambdaArn` for `aws-pricing`. */
export const arnOutput = (serverId: string): string => `Mcp${capitalised(serverId)}LambdaArn`;

/** Output with the URL of a server's function. */
export const urlOutput = (serverId: string): string => `Mcp${capitalised(serverId)}Url`;

/** Without hyphens, which no output may have. */
function capitalised(serverId: string): string {
  const bare = serverId.replaceAll("-", "");
  return bare.charAt(0).toUpperCase() + bare.slice(1);
}
