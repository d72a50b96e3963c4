/** stdio_host, taken out of the zip that `make build` or the local stage made. */
import { chmodSync, existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { readLambdaZip } from "../zip";
import type { ArchitectureName } from "../config";
import { Mistake } from "../mistake";
import { keyOf, made } from "./installation";
import { run, type Workplace } from "./programs";

/** The program for an instruction set. Throws a {@link Mistake} where the zip is not there, or for another one. */
export function hostBinary(place: Workplace, lambdaZipDir: string, architecture: ArchitectureName): string {
  const zip = path.join(lambdaZipDir, "stdio_host", "bootstrap.zip");
  if (!existsSync(zip)) throw new Mistake(`${zip} does not exist: run "make build" first`);
  const { architecture: built } = readLambdaZip(zip);
  if (built !== undefined && built !== architecture) {
    throw new Mistake(
      `${zip} was built for ${built}, and ${architecture} is wanted: run "make build ARCH=${architecture}"`,
    );
  }
  const directory = made(place, "stdio_host", keyOf(readFileSync(zip)), (unfinished) => {
    const python = path.join(place.root, ".venv", "bin", "python");
    run(place, python, ["-m", "zipfile", "-e", zip, unfinished], { doing: `unpacking ${zip}` });
    chmodSync(path.join(unfinished, "bootstrap"), 0o755);
  });
  return path.join(directory, "bootstrap");
}
