/**
 * The stacks of a stage by name, with nothing in them. That is all `cdk destroy` and `cdk bootstrap` need: they work
 * before anything was built, and when the agents' files are wrong.
 */
import { App, Stack } from "aws-cdk-lib";
import { readConfig } from "../config";
import { Mistake } from "../mistake";
import { dataStack, serversStack, serviceStack } from "../names";

try {
  // Stacks without resources would not pass; nobody deploys these.
  const app = new App({ builtinCloudFormationValidation: false });
  const { stage, region } = readConfig(app.node);
  const props = region === undefined ? {} : { env: { region } };
  const data = new Stack(app, dataStack(stage), props);
  const service = new Stack(app, serviceStack(stage), props);
  service.addStackDependency(data, "the service writes to the tables to the end");
  const servers = new Stack(app, serversStack(stage), props);
  servers.addStackDependency(service, "the service takes its servers out of the registry");
} catch (error) {
  if (!(error instanceof Mistake)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
