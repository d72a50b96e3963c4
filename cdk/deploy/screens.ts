/** What a person reads at the end. */
import { quoted } from "./words";
import type { Settings } from "./settings";

const EXAMPLE = { message: "Deploy bootstrap infrastructure for dev environment" };

/** After a deployment: where the chat is, how to use it, what is left to do, what it costs. */
export function deployed(
  { config, region }: Settings,
  account: string,
  { url, secret }: { readonly url: string; readonly secret: string },
  cost: readonly string[],
): string {
  return `
Switchyard ${config.stage} is deployed in ${account}, ${region}.

Chat URL:
  ${url}

First put the GitLab token in place (docs/pipelines.md says what it must be allowed), unless you have before:
  read -rs GITLAB_TOKEN && printf %s "$GITLAB_TOKEN" | aws secretsmanager put-secret-value \\
    --region ${region} --secret-id ${quoted(secret)} --secret-string file:///dev/stdin

Then ask, with the credentials of your AWS configuration:
  ./switchyard chat --url ${quoted(url)} ${quoted(EXAMPLE.message)}

Or with curl 7.75 or newer:
  ${curl(url, region)}
The keys come from the environment; those of a profile get there with
  eval "$(aws configure export-credentials --format env)"
Whoever asks needs execute-api:Invoke on the API.

What it costs while nobody uses it (list prices, docs/deploy.md):
${cost.map((text) => `  ${text}`).join("\n")}

make destroy removes it; the tables stay.`;
}

/**
 * A signed request. Without a session there is no token to send, and curl would sign an empty header that it then
 * leaves out: so the header is there only if the variable is.
 */
export function curl(url: string, region: string): string {
  return [
    `curl --aws-sigv4 "aws:amz:${region}:execute-api" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"`,
    '${AWS_SESSION_TOKEN:+-H"x-amz-security-token: $AWS_SESSION_TOKEN"} -H "content-type: application/json"',
    `-d ${quoted(JSON.stringify(EXAMPLE))} ${quoted(url)}`,
  ].join(" \\\n    ");
}
