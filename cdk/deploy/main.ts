/** `make deploy` and `make destroy`: `main.ts deploy|destroy`, with the variables of make in the environment. */
import path from "node:path";
import { Mistake } from "../mistake";
import { connect } from "./aws";
import { runIn } from "./command";
import { deploy } from "./deploy";
import { destroy } from "./destroy";
import { ownTerminal } from "./terminal";
import type { World } from "./world";

// It is about versions of Node to come, and hides what is said here.
process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";

const VERBS: Readonly<Record<string, (world: World) => Promise<number>>> = { deploy, destroy };

async function main(): Promise<number> {
  const verb = VERBS[process.argv[2] ?? ""];
  if (verb === undefined) throw new Mistake(`usage: main.ts ${Object.keys(VERBS).join("|")}`);
  const root = path.join(__dirname, "..", "..");
  // The version of cdk is pinned: that there is a newer one is no advice to follow on the way.
  const environment = { ...process.env, CDK_DISABLE_VERSION_CHECK: "true" };
  return verb({ root, environment, terminal: ownTerminal(), run: runIn(root, environment), connect });
}

main().then(
  (status) => {
    process.exitCode = status;
  },
  (error: unknown) => {
    const told =
      error instanceof Mistake ? error.message : error instanceof Error ? (error.stack ?? error.message) : error;
    process.stderr.write(`${String(told)}\n`);
    process.exitCode = 1;
  },
);
