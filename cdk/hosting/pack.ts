/**
 * `make servers-package`, and a step of `make deploy` and of the local stage: makes the packages of the servers that a
 * deployment hosts, and the list from which they are deployed. Settings are given as to cdk: `-c key=value`.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { RootConstruct } from "constructs";
import { readConfig, type Config } from "../config";
import { Mistake } from "../mistake";
import { hostBinary } from "./host-binary";
import { requireDocker } from "./image";
import { machineOf } from "./machine";
import { madeFrom, writePackages, type ListedPackage } from "./package-list";
import { megabytes, packageServer, type Package, type Target } from "./package";
import type { Workplace } from "./programs";
import type { HostedServer } from "./server";
import { serversOf } from "./sources";

/** Packs all servers of a deployment; the exit status. A server that cannot be packed is told, and the others are packed. */
export function pack(place: Workplace, config: Config, terminal: NodeJS.WritableStream): number {
  const { hosted } = serversOf(config);
  const packages: Record<string, ListedPackage> = {};
  const failed: string[] = [];
  for (const server of hosted) {
    const started = Date.now();
    try {
      const machine = machineOf(config, server);
      if (machine.runs === "lambda" && server.packaging === "image") requireDocker(server.id);
      const host = hostBinary(place, config.lambdaZipDir, machine.architecture);
      const target: Target =
        machine.runs === "here" ? { kind: "here", host } : { kind: "lambda", architecture: machine.architecture, host };
      const made = packageServer(place, server, target);
      packages[server.id] = { directory: made.directory, hash: made.hash, madeFrom: madeFrom(server, machine) };
      terminal.write(`${line(server, made, Date.now() - started)}\n`);
    } catch (error) {
      if (!(error instanceof Mistake)) throw error;
      failed.push(server.id);
      terminal.write(`${server.id.padEnd(20)}  cannot be packed: ${error.message}\n`);
    }
  }
  if (failed.length > 0) {
    const others = hosted.map(({ id }) => id).filter((id) => !failed.includes(id));
    const instead = others.length === 0 ? "none" : others.join(",");
    terminal.write(`\nWithout ${failed.join(", ")}: CDK_ARGS="-c hostedServers=${instead}"\n`);
    return 1;
  }
  writePackages(config.serverPackages, packages);
  return 0;
}

function line({ id, deprecated }: HostedServer, { bytes, packaging, slow }: Package, milliseconds: number): string {
  const notes = [slow, deprecated].filter((note) => note !== undefined).map((note) => `  (${note})`);
  const size = megabytes(bytes).padStart(6);
  return `${id.padEnd(20)}  ${packaging.padEnd(5)}  ${size} MB  ${(milliseconds / 1000).toFixed(1)} s${notes.join("")}`;
}

/** The settings in cdk.json, changed by those of the command line. */
function settings(root: string, args: readonly string[]): Config {
  const { context = {} } = JSON.parse(readFileSync(path.join(root, "cdk.json"), "utf8")) as {
    readonly context?: Readonly<Record<string, unknown>>;
  };
  const node = new RootConstruct().node;
  for (const [key, value] of Object.entries(context)) node.setContext(key, value);
  for (let index = 0; index < args.length; index += 2) {
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(args[index + 1] ?? "") ?? [];
    if (!["-c", "--context"].includes(args[index] ?? "") || key === undefined) {
      throw new Mistake(`${args.slice(index).join(" ")}: only settings are understood here, as -c key=value`);
    }
    node.setContext(key, value);
  }
  return readConfig(node);
}

if (require.main === module) {
  const root = path.join(__dirname, "..", "..");
  try {
    const config = settings(root, process.argv.slice(2));
    const servers = path.resolve(path.dirname(config.serversFile));
    process.exitCode = pack({ root, servers, environment: process.env }, config, process.stdout);
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
