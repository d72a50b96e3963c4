/** The CDK app: `npx cdk deploy -c stage=dev` in this directory. */
import { App } from "aws-cdk-lib";
import { EchoStack } from "./stack";

const app = new App();
const stage: unknown = app.node.tryGetContext("stage");
if (typeof stage !== "string") throw new Error("say with which stage to register: -c stage=dev");
new EchoStack(app, `Example-${stage}-echo`, { stage });
