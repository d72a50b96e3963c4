/** What is in a package: its files, and which of those that come with packages nobody needs at run time. */
import { lstatSync, readFileSync, readdirSync, rmSync, rmdirSync, writeFileSync } from "node:fs";
import path from "node:path";

/** A file of a directory. */
export interface File {
  /** From the directory, with slashes. */
  readonly name: string;
  readonly bytes: number;
  readonly executable: boolean;
}

/** All files below a directory, sorted by name. Links are none: a zip would not keep them. */
export function files(directory: string): File[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const file = path.join(entry.parentPath, entry.name);
      const { size, mode } = lstatSync(file);
      return {
        name: path.relative(directory, file).split(path.sep).join("/"),
        bytes: size,
        executable: (mode & 0o111) !== 0,
      };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Directories with the tests of a package, below the package itself. */
const PYTHON_TESTS = /^[^/]+\/(.*\/)?tests\//;
/** Made for one machine, for type checkers, or saying how something was installed. */
const PYTHON_UNUSED =
  /(^|\/)__pycache__\/|\.pyi$|\.dist-info\/(RECORD|INSTALLER|REQUESTED|direct_url\.json|uv_cache\.json|uv_build\.json)$/;

/** Takes out of `pip install --target` what is not needed, and makes its programs run with any interpreter. */
export function stripPython(directory: string): void {
  remove(directory, ({ name }) => PYTHON_TESTS.test(name) || PYTHON_UNUSED.test(name) || name === ".lock");
  for (const { name } of files(directory).filter((file) => file.name.startsWith("bin/"))) {
    const file = path.join(directory, name);
    const content = readFileSync(file);
    // Their first line names the interpreter of the machine that installs them.
    const line = /^#!.*python[^\n]*\n/.exec(content.toString("latin1"))?.[0];
    if (line === undefined) continue;
    writeFileSync(file, Buffer.concat([Buffer.from("#!/usr/bin/env python3\n"), content.subarray(line.length)]));
  }
}

/** Types and maps of sources are for people who write against a package; the compiler of TypeScript reads its own. */
const NODE_UNUSED =
  /^(?!(.*\/)?typescript\/lib\/).*(\.(d\.[cm]?ts|map|tsbuildinfo)$|__tests__\/|\.package-lock\.json$)/;

/** Takes out of `node_modules` what is not needed. */
export function stripNode(directory: string): void {
  // Links to programs, which are started by their file.
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (entry.name === ".bin" && entry.isDirectory())
      rmSync(path.join(entry.parentPath, entry.name), { recursive: true });
  }
  remove(directory, ({ name }) => NODE_UNUSED.test(name));
}

function remove(directory: string, unused: (file: File) => boolean): void {
  for (const file of files(directory).filter(unused)) rmSync(path.join(directory, file.name));
  removeEmpty(directory);
}

/** Removes directories without a file; tells whether this one is. */
function removeEmpty(directory: string): boolean {
  let empty = true;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const inside = path.join(directory, entry.name);
    if (entry.isDirectory() && removeEmpty(inside)) rmdirSync(inside);
    else empty = false;
  }
  return empty;
}
