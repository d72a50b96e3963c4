/** cdk-nag on our app: what its packs find, what of that is acknowledged, and what is acknowledged in vain. */
import { CfnResource, Validations } from "aws-cdk-lib";
import {
  AwsSolutionsChecks,
  NagRuleCompliance,
  ServerlessChecks,
  type IApplyRule,
  type NagPack,
  type NagRuleResult,
} from "cdk-nag";
import type { IConstruct } from "constructs";

/** An acknowledgement, and where it stands. */
export interface Acknowledgement {
  readonly finding: string;
  readonly reason: string;
  /** Whether it stands at one resource, and not at a construct with several. */
  readonly narrow: boolean;
}

/** What cdk-nag says of an app; a finding is `rule at construct path`. */
export interface Nag {
  /** Everything that a rule finds, acknowledged or not. */
  readonly found: ReadonlySet<string>;
  /** What cdk-nag reports: the findings that nobody acknowledged, with their description. */
  readonly reported: ReadonlyMap<string, string>;
  readonly acknowledged: readonly Acknowledgement[];
}

type Pack = new () => Pick<NagPack, "validateScope">;

/** A pack that also tells of the findings that are acknowledged, which cdk-nag keeps to itself. */
function telling(found: Set<string>): readonly Pack[] {
  const apply = (packName: string, params: IApplyRule): void => {
    const at = `at ${params.node.node.path}`;
    const id = `${packName}-${params.ruleSuffixOverride ?? params.rule.name}`;
    let result: NagRuleResult;
    try {
      result = params.rule(params.node);
    } catch {
      // cdk-nag reports a rule that fails like one that is broken.
      result = NagRuleCompliance.NON_COMPLIANT;
    }
    if (Array.isArray(result)) for (const finding of result) found.add(`${id}[${finding}] ${at}`);
    else if (result === NagRuleCompliance.NON_COMPLIANT) found.add(`${id} ${at}`);
  };
  return [
    class extends AwsSolutionsChecks {
      protected override applyRule(params: IApplyRule): void {
        apply(this.packName, params);
        super.applyRule(params);
      }
    },
    class extends ServerlessChecks {
      protected override applyRule(params: IApplyRule): void {
        apply(this.packName, params);
        super.applyRule(params);
      }
    },
  ];
}

/** Runs the packs AwsSolutions and Serverless on every resource below a construct. */
export function nag(scope: IConstruct): Nag {
  const found = new Set<string>();
  const violations = telling(found).flatMap((pack) => new pack().validateScope(scope).violations);
  const reported = violations.flatMap(({ ruleName, description, violatingResources }) =>
    violatingResources.map(({ constructPath }): [string, string] => [
      `${ruleName} at ${String(constructPath)}`,
      description.trim(),
    ]),
  );
  return { found, reported: new Map(reported), acknowledged: acknowledgements(scope) };
}

/** The lines that tell a person what is not in order; none if all is. */
export function complaints({ found, reported, acknowledged }: Nag): readonly string[] {
  return [
    ...[...reported].map(([finding, description]) => `${finding}: ${description}`),
    ...acknowledged
      .filter(({ finding }) => !found.has(finding))
      .map(({ finding }) => `${finding}: acknowledged, but cdk-nag finds no such thing there any more: remove it`),
  ];
}

function acknowledgements(scope: IConstruct): readonly Acknowledgement[] {
  return scope.node.findAll().flatMap((construct) =>
    construct.node.metadata
      .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
      .flatMap(({ data }) => Object.entries(data as Readonly<Record<string, string>>))
      .map(([id, reason]) => ({
        finding: `${id.replace(/^Annotation::/, "")} at ${construct.node.path}`,
        reason,
        narrow: CfnResource.isCfnResource(construct),
      })),
  );
}
