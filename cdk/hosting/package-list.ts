/** The list of packages that were made, in a file: packing takes minutes and the network, synthesis takes neither. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ServerPackage } from "../constructs/hosted-function";
import { Mistake } from "../mistake";
import type { HostedServer } from "./server";

/** A package, and what it was made from. */
export interface ListedPackage extends ServerPackage {
  /** {@link madeFrom} of the server. */
  readonly madeFrom: string;
}

/** By the server's id. */
export type PackageList = Readonly<Record<string, ListedPackage>>;

const AGAIN = 'run "make servers-package"';

/** What of a server only its deployment depends on; all the rest may be in its package. */
const DEPLOYED: readonly (keyof HostedServer)[] = [
  "deprecated",
  "description",
  "enabled",
  "ephemeralStorageMb",
  "functionUrl",
  "gateway",
  "memoryMb",
  "permissions",
  "registration",
  "reservedConcurrency",
  "timeoutSeconds",
  "vpc",
];

/** What of a server, and of the machine that it is to run on, decides what is in its package. */
export function madeFrom(server: HostedServer, machine: object): string {
  const packed = Object.entries(server)
    .filter(([key]) => !DEPLOYED.some((one) => one === key))
    .sort(([one], [other]) => (one < other ? -1 : 1));
  return createHash("sha256")
    .update(JSON.stringify([packed, machine]))
    .digest("hex");
}

/** Writes a list, in whole or not at all. */
export function writePackages(file: string, packages: PackageList): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(`${file}.part`, `${JSON.stringify(packages, null, 2)}\n`);
  renameSync(`${file}.part`, file);
}

/**
 * The package of each server by a list, which is read when the first one is asked for. Throws a {@link Mistake} where there is
 * none, and where it was made from something else than the server is now.
 */
export function packagesOf(
  file: string,
  target: (server: HostedServer) => object,
): (server: HostedServer) => ServerPackage {
  let list: PackageList | undefined;
  return (server) => {
    list ??= readPackages(file);
    const found = list[server.id];
    if (found === undefined) throw new Mistake(`${file}: there is no package of the server ${server.id}: ${AGAIN}`);
    if (found.madeFrom !== madeFrom(server, target(server))) {
      throw new Mistake(
        `${file}: the package of the server ${server.id} is older than its entry or for another machine: ${AGAIN}`,
      );
    }
    return { directory: found.directory, hash: found.hash };
  };
}

function readPackages(file: string): PackageList {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    const absent = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new Mistake(absent ? `${file} does not exist: ${AGAIN}` : `${file}: ${(error as Error).message}: ${AGAIN}`);
  }
  const good =
    typeof content === "object" &&
    content !== null &&
    Object.values(content).every((one: unknown) => isPackage(one as Record<string, unknown> | null));
  if (!good) throw new Mistake(`${file} is no list of packages: ${AGAIN}`);
  return content as PackageList;
}

const isPackage = (one: Readonly<Record<string, unknown>> | null): boolean =>
  ["directory", "hash", "madeFrom"].every((key) => typeof one?.[key] === "string");
