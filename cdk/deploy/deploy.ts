/** `make deploy`: checks, builds, deploys, and says what to do next. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { serversStack, serviceStack } from "../names";
import { CDK, deployArguments, outputsFile, packArguments } from "./cdk-command";
import { clientFiles } from "./clients";
import { idleCost } from "./cost";
import { explanationsOf } from "./explanations";
import { preflight } from "./preflight";
import { readRequest } from "./request";
import { deployed } from "./screens";
import type { Settings } from "./settings";
import type { World } from "./world";

/** Deploys; returns the exit status. */
export async function deploy(world: World): Promise<number> {
  const { root, terminal, run } = world;
  const request = readRequest(world.environment);
  const cleared = await preflight(world, request);
  if (cleared === undefined) return 1;
  const { settings, identity } = cleared;

  terminal.tell(`\nBuilding for ${settings.config.architecture}`);
  const build = await run("scripts/build", [settings.config.architecture]);
  if (build.status !== 0) {
    terminal.tell("\nThe build failed; nothing was deployed.");
    return 1;
  }

  if (settings.servers.hosted.length > 0) {
    terminal.tell(`\nPacking the MCP servers of ${settings.config.serversFile}`);
    const packed = await run("node", packArguments(settings));
    if (packed.status !== 0) {
      terminal.tell("\nNot every server could be packed; nothing was deployed.");
      return 1;
    }
  }

  terminal.tell(`\nDeploying to ${identity.account}, ${settings.region}`);
  const outputs = path.join(root, outputsFile(settings));
  mkdirSync(path.dirname(outputs), { recursive: true });
  // What an earlier deployment wrote must not be taken for the outcome of this one.
  rmSync(outputs, { force: true });
  // cdk asks on standard output only if that is a terminal; what it says of failures goes to standard error.
  const keep = terminal.interactive ? "errors" : "all";
  const { status, output } = await run(CDK, deployArguments(settings, request.yes, request.cdkArguments), { keep });
  if (status !== 0) {
    terminal.tell(failed(output));
    return 1;
  }
  const { stage } = settings.config;
  const told = readOutputs(outputs);
  const { ChatUrl: url, GitLabTokenSecretName: secret } = told[serviceStack(stage)] ?? {};
  if (url === undefined || secret === undefined) {
    terminal.tell("\ncdk ended without deploying the service: its outputs are missing. Look at what it says above.");
    return 1;
  }
  terminal.tell(deployed(settings, identity.account, { url, secret }, idleCost(root, stage)));
  const clients = writeClients(root, settings, told[serversStack(stage)] ?? {});
  if (clients !== undefined) terminal.tell(`\nConfiguration for MCP clients (docs/hosting-cdk.md):\n  ${clients}`);
  return 0;
}

/** Why a deployment failed, where that is known, and what has become of it. */
function failed(output: string): string {
  const known = explanationsOf(output).flatMap(({ title, advice }) => [
    "",
    title,
    ...advice.map((text) => `  ${text}`),
  ]);
  return [
    "",
    "The deployment failed.",
    ...known,
    "",
    "CloudFormation takes back what it changed; tables stay, with all data. Once the cause is mended, run",
    "`make deploy` again. To remove what is left instead, run `make destroy`.",
  ].join("\n");
}

/** Leaves configuration for MCP clients; the directory, or undefined where there is none. */
function writeClients(
  root: string,
  { config, region, servers }: Settings,
  outputs: Readonly<Record<string, string>>,
): string | undefined {
  const files = clientFiles({ ...config, region, servers: servers.hosted, outputs });
  if (files.size === 0) return undefined;
  const directory = path.join("build", "clients", `${config.stage}-${region}`);
  mkdirSync(path.join(root, directory), { recursive: true });
  for (const [name, text] of files) writeFileSync(path.join(root, directory, name), text);
  return directory;
}

type Outputs = Readonly<Record<string, Readonly<Record<string, string>>>>;

function readOutputs(file: string): Outputs {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Outputs;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw error;
  }
}
