/** Writes the templates of every kind of deployment into build/templates, where cfn-lint checks them. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { LOCAL, ROOT, switchyard } from "./support";

const VARIANTS = {
  "bedrock-arm64": { stage: "dev", architecture: "arm64" },
  "bedrock-x86_64": { stage: "dev", architecture: "x86_64" },
  "bedrock-buffered": { stage: "dev", responseMode: "BUFFERED" },
  local: LOCAL,
  "local-arm64": { ...LOCAL, architecture: "arm64" },
} as const;

const directory = path.join(ROOT, "build", "templates");
rmSync(directory, { recursive: true, force: true });
mkdirSync(directory, { recursive: true });
for (const [variant, settings] of Object.entries(VARIANTS)) {
  for (const [stack, { template }] of Object.entries(switchyard(settings))) {
    writeFileSync(path.join(directory, `${variant}-${stack}.json`), JSON.stringify(template.toJSON(), null, 1));
  }
}
