/** `make servers-check`, `servers-lock` and `servers-verify`: `main.ts VERB`, with the variables of make in the environment. */
import path from "node:path";
import { Mistake } from "../mistake";
import { check } from "./check";
import { writeLock } from "./locks";
import type { Workplace } from "./programs";
import type { HostedServer, Servers } from "./server";
import { readServers } from "./servers";
import { verify } from "./verify";

type Verb = (place: Workplace, servers: Servers, terminal: NodeJS.WritableStream) => Promise<number> | number;

const VERBS: Readonly<Record<string, Verb>> = {
  check: (place, servers, terminal) =>
    check(place, servers, terminal, process.argv.includes("--json") || place.environment["JSON"] === "1"),
  lock,
  verify: (place, servers, terminal) => verify(place, chosen(place, servers.hosted), terminal),
};

/** Locks every server, or the one that is named; goes on after one that cannot be locked. */
function lock(place: Workplace, servers: Servers, terminal: NodeJS.WritableStream): number {
  let failed = 0;
  for (const server of chosen(place, servers.hosted)) {
    try {
      writeLock(place, server);
      terminal.write(`${server.id}: locked\n`);
    } catch (error) {
      if (!(error instanceof Mistake)) throw error;
      terminal.write(`${error.message}\n`);
      failed += 1;
    }
  }
  return failed === 0 ? 0 : 1;
}

/** The servers that `SERVER=id` names; without it all that are enabled. */
function chosen({ environment }: Workplace, servers: readonly HostedServer[]): readonly HostedServer[] {
  const id = environment["SERVER"] ?? "";
  if (id === "") return servers.filter(({ enabled }) => enabled);
  const server = servers.find((candidate) => candidate.id === id);
  if (server !== undefined) return [server];
  throw new Mistake(`SERVER=${id}: servers.yaml hosts ${servers.map((candidate) => candidate.id).join(", ")}`);
}

async function main(): Promise<number> {
  const verb = VERBS[process.argv[2] ?? ""];
  if (verb === undefined) throw new Mistake(`usage: main.ts ${Object.keys(VERBS).join("|")}`);
  const root = path.join(__dirname, "..", "..");
  const place = { root, environment: process.env };
  return verb(place, readServers(path.join(root, "servers.yaml")), process.stdout);
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
