/** The clients that the checks ask. */
import { BedrockClient } from "@aws-sdk/client-bedrock";
import { BedrockAgentClient } from "@aws-sdk/client-bedrock-agent";
import { CloudFormationClient } from "@aws-sdk/client-cloudformation";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SSMClient } from "@aws-sdk/client-ssm";
import { STSClient } from "@aws-sdk/client-sts";

/** One client for each service that is asked. */
export interface Aws {
  readonly sts: STSClient;
  readonly ssm: SSMClient;
  readonly bedrock: BedrockClient;
  readonly bedrockAgent: BedrockAgentClient;
  readonly cloudFormation: CloudFormationClient;
  readonly dynamoDb: DynamoDBClient;
  readonly secretsManager: SecretsManagerClient;
}

/** How long one call may take; a check that hangs is worth less than one that says so. */
const TIMEOUTS = { connectionTimeout: 4_000, requestTimeout: 10_000, throwOnRequestTimeout: true };

/** Clients for a region, with the credentials of the AWS configuration in use. */
export function connect(region: string, timeouts = TIMEOUTS): Aws {
  const config = { region, maxAttempts: 2, requestHandler: timeouts };
  return {
    sts: new STSClient(config),
    ssm: new SSMClient(config),
    bedrock: new BedrockClient(config),
    bedrockAgent: new BedrockAgentClient(config),
    cloudFormation: new CloudFormationClient(config),
    dynamoDb: new DynamoDBClient(config),
    secretsManager: new SecretsManagerClient(config),
  };
}

/** The region of the AWS configuration in use: of the environment, else of the profile. */
export async function configuredRegion(environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  const named = environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"];
  if (named !== undefined && named !== "") return named;
  try {
    return await new STSClient({}).config.region();
  } catch {
    // The SDK tells a region that is not configured in no other way.
    return undefined;
  }
}
