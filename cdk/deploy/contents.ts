/** What is in a deployed stack, and what of it stays when the stack goes. */
import {
  GetTemplateCommand,
  paginateListStackResources,
  type CloudFormationClient,
  type StackResourceSummary,
} from "@aws-sdk/client-cloudformation";

/** A resource, as CloudFormation knows it. */
export interface Deployed {
  readonly type: string;
  /** Its name or id in its service. */
  readonly id: string;
}

/** What a stack holds. */
export interface Contents {
  readonly goes: readonly Deployed[];
  readonly stays: readonly Deployed[];
}

/** Reads the resources of a stack; those that its template retains stay. */
export async function readContents(client: CloudFormationClient, stack: string): Promise<Contents> {
  const { TemplateBody = "{}" } = await client.send(
    new GetTemplateCommand({ StackName: stack, TemplateStage: "Original" }),
  );
  const { Resources: declared = {} } = JSON.parse(TemplateBody) as {
    Resources?: Readonly<Record<string, { readonly DeletionPolicy?: string }>>;
  };
  const resources: StackResourceSummary[] = [];
  for await (const page of paginateListStackResources({ client }, { StackName: stack })) {
    resources.push(...(page.StackResourceSummaries ?? []));
  }
  const goes: Deployed[] = [];
  const stays: Deployed[] = [];
  for (const { LogicalResourceId: logical = "", ResourceType: type = "", PhysicalResourceId: id } of resources) {
    // Without an id nothing was ever made.
    if (id === undefined || id === "") continue;
    const retained = declared[logical]?.DeletionPolicy?.startsWith("Retain") === true;
    (retained ? stays : goes).push({ type, id });
  }
  return { goes, stays };
}
