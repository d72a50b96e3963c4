/**
 * The definitions that travel in the zips: the agents, and beside their directory the pipeline types. What is deployed to
 * Bedrock comes from the files, what the functions enforce from the zips: both must be the same.
 */
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { crc32 } from "node:zlib";
import { Mistake } from "./mistake";
import type { Content, LambdaZip } from "./zip";

const PIPELINES = "pipelines.yaml";
/** Names in a zip that are definitions; what else is packed is no business of the functions. */
const DEFINITION = /^(agents\/[^/]+\.yaml|pipelines\.yaml)$/;

/** Throws a {@link Mistake} that names every difference between the definitions in a zip and those in the files. */
export function checkPackedDefinitions(zip: string, files: LambdaZip["files"], agentsDir: string): void {
  const packed = new Map([...files].filter(([name]) => DEFINITION.test(name)));
  const current = definitions(agentsDir);
  const differences = [...new Set([...current.keys(), ...packed.keys()])].sort().flatMap((name) => {
    const [inZip, inFile] = [packed.get(name), current.get(name)];
    if (inZip === undefined) return [`${name} is not in the zip`];
    if (inFile === undefined) return [`${name} is only in the zip`];
    return inZip.crc32 === inFile.crc32 && inZip.size === inFile.size ? [] : [`${name} differs`];
  });
  if (differences.length === 0) return;
  throw new Mistake(
    `${zip} was not built from the agents in ${agentsDir} and the ${PIPELINES} beside them ` +
      `(${differences.join("; ")}): run "make build" again`,
  );
}

/** The files by the names that they have in a zip. */
function definitions(agentsDir: string): Map<string, Content> {
  const agents = readNames(agentsDir).filter((name) => name.endsWith(".yaml"));
  return new Map([
    ...agents.map((name) => [`agents/${name}`, contentOf(path.join(agentsDir, name))] as const),
    [PIPELINES, contentOf(path.join(path.dirname(path.resolve(agentsDir)), PIPELINES))] as const,
  ]);
}

function readNames(directory: string): string[] {
  return orMistake(directory, () =>
    readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => entry.name),
  );
}

function contentOf(file: string): Content {
  const bytes = orMistake(file, () => readFileSync(file));
  return { crc32: crc32(bytes), size: bytes.length };
}

function orMistake<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Mistake(`${what}: cannot be read: ${(error as Error).message}`);
  }
}
