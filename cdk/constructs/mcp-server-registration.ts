import { CustomResource, Duration, Stack } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { functionArn, functionName } from "../names";
import type { McpAuthenticationType, McpServerEntry } from "./mcp-server-props";

/**
 * How long CloudFormation waits for a registration: longer than the function runs. By itself it would wait an hour for an
 * answer that got lost.
 */
export const REGISTRATION_TIMEOUT = Duration.minutes(2);

/** An entry with what the construct found out. */
export interface Registration extends McpServerEntry {
  readonly endpointUrl: string;
  readonly authenticationType: McpAuthenticationType;
}

/** The custom resource that puts a server into the registry, and takes it out of service when the stack goes. */
export function register(scope: Construct, entry: Registration): CustomResource {
  const stack = Stack.of(scope);
  const configuration = configurationOf(entry);
  // JSON strings: CloudFormation would turn nested numbers and booleans into strings.
  const json = (value: unknown) => (value === undefined ? undefined : stack.toJsonString(value));
  return new CustomResource(scope, "Resource", {
    resourceType: "Custom::SwitchyardMcpServer",
    serviceToken: functionArn(stack, functionName(entry.stage, "registration")),
    serviceTimeout: REGISTRATION_TIMEOUT,
    properties: {
      ServerId: entry.serverId,
      ServerName: entry.serverName ?? entry.serverId,
      Description: entry.description,
      Version: entry.version ?? "1.0.0",
      EndpointUrl: entry.endpointUrl,
      ProtocolType: entry.protocolType ?? "jsonrpc",
      AuthenticationType: entry.authenticationType,
      ApiKeyHeader: entry.apiKeyHeader,
      AvailableTools: json(entry.availableTools),
      Configuration: json(configuration),
      Metadata: json(entry.metadata),
      Status: entry.status ?? "active",
      HealthCheckUrl: entry.healthCheckUrl,
      HealthCheckInterval: entry.healthCheckInterval?.toSeconds().toString(),
      DeploymentStack: stack.stackName,
      DeploymentRegion: stack.region,
      Fingerprint: entry.fingerprint,
    },
  });
}

/** The settings, with those of the authentication among them. */
function configurationOf({
  configuration,
  oauth,
  signedFor,
}: Registration): Readonly<Record<string, unknown>> | undefined {
  if (oauth === undefined && signedFor === undefined) return configuration;
  return {
    ...configuration,
    ...(oauth === undefined
      ? {}
      : {
          oauth: {
            token_url: oauth.tokenUrl,
            scope: oauth.scope,
            audience: oauth.audience,
            token_endpoint_auth_method: oauth.tokenEndpointAuthMethod,
          },
        }),
    ...(signedFor === undefined ? {} : { aws_auth: signedFor }),
  };
}
