/** The command line of cdk, with the settings that were checked. */
import path from "node:path";
import type { Settings } from "./settings";

/** Where cdk leaves the outputs of both stacks. */
export const outputsFile = ({ config, region }: Settings): string =>
  path.join("build", "outputs", `${config.stage}-${region}.json`);

/** Program of the CDK command line, as it is installed here. */
export const CDK = path.join("node_modules", ".bin", "cdk");

/** The app that knows the stacks' names and nothing else: it can be run before anything was built. */
export const NAMES_APP = "node --import tsx cdk/deploy/names-app.ts";

/** What cdk says goes to the error stream, also where the environment says that this is a CI run. */
const TO_ERRORS = "--no-ci";

/** Arguments of `cdk deploy`. */
export function deployArguments(settings: Settings, yes: boolean, more: readonly string[]): readonly string[] {
  return [
    "deploy",
    "--all",
    // Tables that an earlier stack left behind become part of the new one.
    "--import-existing-resources",
    "--outputs-file",
    outputsFile(settings),
    // Events line by line: a bar would hide why something failed.
    "--progress",
    "events",
    TO_ERRORS,
    ...contextArguments(settings),
    ...(yes ? ["--require-approval", "never"] : []),
    ...more,
  ];
}

/** Arguments of node that pack the servers which a deployment hosts. */
export function packArguments(settings: Settings): readonly string[] {
  return ["--import", "tsx", "cdk/hosting/pack.ts", ...contextArguments(settings)];
}

/** Arguments of `cdk destroy`. */
export function destroyArguments(settings: Settings): readonly string[] {
  // Asked before, and with more to say.
  const asked = "--force";
  const app = ["--app", NAMES_APP, "--output", path.join("build", "names-app")];
  return ["destroy", "--all", asked, ...app, TO_ERRORS, ...contextArguments(settings)];
}

function contextArguments({ context }: Settings): readonly string[] {
  return Object.entries(context).flatMap(([key, value]) => ["-c", `${key}=${value}`]);
}
