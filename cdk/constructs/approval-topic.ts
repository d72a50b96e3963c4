import * as sns from "aws-cdk-lib/aws-sns";
import { EmailSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import type { Construct } from "constructs";
import { acknowledge } from "../acknowledge";
import { LOCAL_STAGE, type Config } from "../config";
import { approvalTopic } from "../names";

/**
 * The SNS topic that tells people what waits for their approval, with a subscription for each address of the settings. SNS
 * asks each address for its consent first.
 */
export function addApprovalTopic(scope: Construct, config: Config): sns.Topic {
  const local = config.stage === LOCAL_STAGE;
  const topic = new sns.Topic(scope, "Approvals", {
    topicName: approvalTopic(config.stage),
    displayName: `Switchyard ${config.stage}: approvals`,
    enforceSSL: !local,
  });
  if (local) {
    acknowledge(
      topic,
      "AwsSolutions-SNS3",
      "MiniStack is spoken to in plain http on this machine, and enforces the policy too.",
    );
  }
  for (const address of config.approvalEmails) {
    acknowledge(
      topic.addSubscription(new EmailSubscription(address)),
      "Serverless-SNSRedrivePolicy",
      "A mail that never arrived is not the only word of it: what waits is in the registry, and an alarm tells when it waits long.",
    );
  }
  return topic;
}
