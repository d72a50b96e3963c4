import type { SecretValue } from "aws-cdk-lib";
import * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";
import { acknowledge } from "../acknowledge";
import { apiKeySecret } from "../names";

/**
 * What generated secrets never hold: a value that begins with a brace or a quotation mark looks like JSON, which our servers
 * refuse. Named one by one, because emulators know `excludeCharacters` and not `excludePunctuation`.
 */
export const PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/** Properties of {@link ApiKeySecret}. */
export interface ApiKeySecretProps {
  readonly stage: string;
  readonly serverId: string;
  readonly description: string;
  /** @default - 48 random letters and digits */
  readonly value?: SecretValue;
}

/** The secret with the key of an MCP server, where the registry looks for it. */
export class ApiKeySecret extends secretsmanager.Secret {
  constructor(scope: Construct, id: string, props: ApiKeySecretProps) {
    super(scope, id, {
      secretName: apiKeySecret(props.stage, props.serverId),
      description: props.description,
      // Changing generateSecretString later would make CloudFormation replace the value that people have put in.
      ...(props.value === undefined
        ? { generateSecretString: { excludeCharacters: PUNCTUATION, passwordLength: 48 } }
        : { secretStringValue: props.value }),
    });
    acknowledge(
      this,
      "AwsSolutions-SMG4",
      "The clients of the server hold the key too, also outside AWS: rotated on a schedule, it would lock them out.",
    );
  }
}
