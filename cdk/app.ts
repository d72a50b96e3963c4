/** The CDK app: what `cdk` runs. */
import { App } from "aws-cdk-lib";
import { Mistake } from "./mistake";
import { addSwitchyard } from "./switchyard";

try {
  addSwitchyard(new App());
} catch (error) {
  if (!(error instanceof Mistake)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
