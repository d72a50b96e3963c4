import { SecretValue } from "aws-cdk-lib";
import * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";
import { acknowledge } from "../acknowledge";
import { registrationTokensSecret } from "../names";

/**
 * The secret with the registration tokens, or rather with the hash of each: a person adds them, registry_api compares. Empty
 * at first. CloudFormation writes the value once; as long as the text here stays as it is, it leaves alone what people put
 * there.
 */
export function addRegistrationTokens(scope: Construct, stage: string): secretsmanager.Secret {
  const secret = new secretsmanager.Secret(scope, "RegistrationTokens", {
    secretName: registrationTokensSecret(stage),
    description:
      "Who may register MCP servers over HTTP: SHA-256 of each token, its name and its owner. Created without any; " +
      "docs/integration.md says how to add one.",
    secretStringValue: SecretValue.unsafePlainText(NO_TOKENS),
  });
  acknowledge(
    secret,
    "AwsSolutions-SMG4",
    "Holds hashes of tokens that people hand to their servers: a rotation of the hashes alone would lock all of them out.",
  );
  return secret;
}

/** What the secret holds before somebody adds a token; as handlers/src/registry_api/register.rs reads it. */
export const NO_TOKENS = JSON.stringify({ tokens: [] });
