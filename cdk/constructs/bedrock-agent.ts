import { createHash } from "node:crypto";
import { Stack } from "aws-cdk-lib";
import * as bedrock from "aws-cdk-lib/aws-bedrock";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import { acknowledgeWildcard } from "../acknowledge";
import type { AgentDefinition } from "../agents";
import type { Model } from "../models";
import { agentName } from "../names";
import type { AgentReference } from "./agent-reference";

/** Properties of {@link BedrockAgent}. */
export interface BedrockAgentProps {
  readonly stage: string;
  readonly definition: AgentDefinition;
  /** The function that answers for each handler that the definition names. */
  readonly handlers: Readonly<Record<AgentDefinition["actionGroups"][number]["handler"], lambda.IFunction>>;
}

/**
 * An agent of Amazon Bedrock with its alias `live`, its role, and the permission to call its handlers.
 *
 * A handler must not depend on its own agent's id, in its environment or in its role: that would be a cycle.
 */
export class BedrockAgent extends Construct implements AgentReference {
  readonly agentId: string;
  readonly aliasId: string;
  readonly aliasArn: string;

  constructor(scope: Construct, id: string, props: BedrockAgentProps) {
    super(scope, id);
    const { definition } = props;
    const name = agentName(props.stage, definition.name);
    const role = this.createRole(name, definition.model);
    const agentProps: bedrock.CfnAgentProps = {
      agentName: name,
      description: definition.description,
      foundationModel: definition.model.id,
      agentResourceRoleArn: role.roleArn,
      instruction: definition.instruction,
      idleSessionTtlInSeconds: definition.idleSessionSeconds,
      autoPrepare: true,
      actionGroups: definition.actionGroups.map((group) => ({
        actionGroupName: group.name,
        description: group.description,
        actionGroupState: "ENABLED",
        actionGroupExecutor: { lambda: props.handlers[group.handler].functionArn },
        functionSchema: {
          functions: group.functions.map((fn) => ({
            name: fn.name,
            description: fn.description,
            parameters: Object.fromEntries(
              fn.parameters.map(({ name: parameter, type, description, required }) => [
                parameter,
                { type, description, required },
              ]),
            ),
          })),
        },
      })),
    };
    const agent = new bedrock.CfnAgent(this, "Agent", agentProps);
    // Bedrock checks the role's right to use the model when the agent is created.
    agent.node.addDependency(role);

    // An alias moves to a new version of its agent only when something in the alias itself changes: here, when anything does
    // that Bedrock is told of the agent.
    const alias = new bedrock.CfnAgentAlias(this, "Alias", {
      agentId: agent.attrAgentId,
      agentAliasName: "live",
      description: `definition ${fingerprint(Stack.of(this).resolve(agentProps))}`,
    });
    for (const handler of new Set(definition.actionGroups.map((group) => group.handler))) {
      const permission = new lambda.CfnPermission(this, `Invoke-${handler}`, {
        action: "lambda:InvokeFunction",
        functionName: props.handlers[handler].functionArn,
        principal: "bedrock.amazonaws.com",
        sourceArn: agent.attrAgentArn,
        sourceAccount: Stack.of(this).account,
      });
      // Whoever can reach the agent finds that it may call its handlers.
      alias.node.addDependency(permission);
    }

    this.agentId = agent.attrAgentId;
    this.aliasId = alias.attrAgentAliasId;
    this.aliasArn = alias.attrAgentAliasArn;
  }

  /** A role that the agents of this account may take on, and that may call the model and nothing else. */
  private createRole(name: string, model: Model): iam.Role {
    const stack = Stack.of(this);
    const models = modelRegions(model, stack.region).map((region) =>
      stack.formatArn({
        service: "bedrock",
        region,
        account: "",
        resource: "foundation-model",
        resourceName: model.foundationModel,
      }),
    );
    const profiles =
      model.geography === undefined
        ? []
        : [stack.formatArn({ service: "bedrock", resource: "inference-profile", resourceName: model.id })];
    const role = new iam.Role(this, "Role", {
      description: `Role of the Bedrock agent ${name}`,
      assumedBy: new iam.ServicePrincipal("bedrock.amazonaws.com", {
        conditions: {
          StringEquals: { "aws:SourceAccount": stack.account },
          ArnLike: { "aws:SourceArn": stack.formatArn({ service: "bedrock", resource: "agent", resourceName: "*" }) },
        },
      }),
      inlinePolicies: {
        model: new iam.PolicyDocument({
          statements: [
            new iam.PolicyStatement({
              actions: ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
              resources: [...profiles, ...models],
            }),
            ...profiles.map(
              (profile) => new iam.PolicyStatement({ actions: ["bedrock:GetInferenceProfile"], resources: [profile] }),
            ),
          ],
        }),
      },
    });
    for (const arn of models.filter((model) => model.includes(`:${ANY_REGION}:`))) {
      acknowledgeWildcard(
        role,
        arn,
        "The inference profile of a geography chooses the region of each request, and AWS adds regions to it now and then.",
      );
    }
    return role;
  }
}

/** The same for the same content, in whichever order keys were written: CloudFormation sees no change in that. */
function fingerprint(content: unknown): string {
  const sorted = (_key: string, value: unknown): unknown =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  return createHash("sha256").update(JSON.stringify(content, sorted)).digest("hex").slice(0, 16);
}

const ANY_REGION = "*";

/**
 * Regions in the ARNs of the foundation models that a request may reach (Amazon Bedrock user guide, "Geographic" and
 * "Global cross-Region inference"). `global` requests that leave the region are authorised against an ARN without one;
 * those of another profile in the region they are routed to, of which AWS adds some now and then.
 */
function modelRegions({ geography }: Model, region: string): readonly string[] {
  switch (geography) {
    case undefined:
      return [region];
    case "global":
      return [region, ""];
    default:
      return [ANY_REGION];
  }
}
