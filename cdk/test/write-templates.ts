/**
 * Writes the templates of every kind of deployment into build/templates, where cfn-lint checks them, and tells what cdk-nag
 * has against them.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { complaints } from "./nag";
import { ROOT } from "./support";
import { variants } from "./variants";

const directory = path.join(ROOT, "build", "templates");
rmSync(directory, { recursive: true, force: true });
mkdirSync(directory, { recursive: true });
for (const { name, stacks, nag } of variants()) {
  for (const [stack, { template }] of Object.entries(stacks)) {
    writeFileSync(path.join(directory, `${name}-${stack}.json`), JSON.stringify(template.toJSON(), null, 1));
  }
  for (const complaint of complaints(nag)) {
    process.stderr.write(`cdk-nag, ${name}: ${complaint}\n`);
    process.exitCode = 1;
  }
}
