/** What `make destroy` says before and after. */
import { tablesOf } from "./checks/tables";
import type { Contents, Deployed } from "./contents";

interface Place {
  readonly stage: string;
  readonly region: string;
  readonly account: string;
}

/** Before: what goes, what stays. A stack that may not be looked into is undefined. */
export function forecast({ stage, region, account }: Place, contents: readonly (Contents | undefined)[]): string {
  const goes = contents.flatMap((content) => content?.goes ?? []);
  const stays = contents.flatMap((content) => content?.stays ?? []);
  const hidden = contents.includes(undefined)
    ? ["  and more: these credentials may not read all of it (cloudformation:GetTemplate, ListStackResources)"]
    : [];
  return [
    "",
    `Stage ${stage} in ${account}, ${region}.`,
    "",
    "Goes, for good:",
    ...counts(goes),
    ...hidden,
    "  with the secrets the GitLab token and the registration tokens: CloudFormation deletes secrets at once, without a recovery window",
    "",
    "Stays:",
    ...stays.map(({ type, id }) => `  ${type} ${id}`),
    ...hidden,
    "  the CDK bootstrap with the uploaded zips; secrets that you made for your own MCP servers",
    "",
  ].join("\n");
}

/** After: what is left and how to remove it. */
export function farewell({ stage, region, account }: Place, stays: readonly Deployed[]): string {
  return `
Stage ${stage} is gone from ${account}, ${region}.
\`make deploy STAGE=${stage}\` brings it back, with the tables as they are.
${remains(region, stage, stays)}`;
}

/** Commands that remove what is kept. */
export function remains(region: string, stage: string, stays: readonly Deployed[]): string {
  const roles = stays.filter(({ type }) => type === "AWS::IAM::Role").map(({ id }) => id);
  return [
    "",
    "To delete the tables with all history, which nothing brings back but a restore of their backups:",
    ...tablesOf(stage).flatMap((table) => [
      `  aws dynamodb update-table --region ${region} --table-name ${table} --no-deletion-protection-enabled`,
      `  aws dynamodb delete-table --region ${region} --table-name ${table}`,
    ]),
    ...(roles.length === 0
      ? []
      : [
          "",
          "API Gateway writes the logs of all APIs of the account in the region through one role. If no API needs it:",
          `  aws apigateway update-account --region ${region} \\`,
          "    --patch-operations op=replace,path=/cloudwatchRoleArn,value=",
          ...roles.flatMap((role) => [
            `  aws iam detach-role-policy --role-name ${role} --policy-arn ${LOG_POLICY}`,
            `  aws iam delete-role --role-name ${role}`,
          ]),
        ]),
  ].join("\n");
}

const LOG_POLICY = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs";

function counts(resources: readonly Deployed[]): readonly string[] {
  const types = new Map<string, number>();
  for (const { type } of resources) types.set(type, (types.get(type) ?? 0) + 1);
  if (types.size === 0) return ["  nothing"];
  return [...types]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([type, count]) => `  ${String(count).padStart(3)} ${type}`);
}
