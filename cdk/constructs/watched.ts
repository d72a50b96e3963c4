import type * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";

/** What an alarm watches. */
export interface Watched {
  readonly metric: cloudwatch.IMetric;
  /** Goes off when the value of a period reaches this. */
  readonly threshold: number;
  /** Goes off instead when the value stays below the threshold, or when there is none. @default false */
  readonly below?: boolean;
  /** What it means, and what to do first. */
  readonly description: string;
}
