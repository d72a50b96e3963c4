import type * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";

/** What an alarm watches. */
export interface Watched {
  readonly metric: cloudwatch.IMetric;
  /** Goes off when the value of a period reaches this. */
  readonly threshold: number;
  /** What it means, and what to do first. */
  readonly description: string;
}
