/** Looks into a Lambda zip for the machine that its bootstrap runs on. */
import { closeSync, openSync, readSync, fstatSync } from "node:fs";
import { inflateRawSync, constants } from "node:zlib";
import type { ArchitectureName } from "./config";
import { Mistake } from "./mistake";

// Offsets and signatures: PKWARE APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16; System V ABI, ELF header.
const END = { signature: 0x06054b50, size: 22, maxComment: 0xffff };
const ENTRY = { signature: 0x02014b50, size: 46 };
const LOCAL = { size: 30 };
const ELF_HEADER = 20;
const MACHINES: Readonly<Record<number, ArchitectureName>> = { 0x3e: "x86_64", 0xb7: "arm64" };

/**
 * Instruction set of the zip's `bootstrap`; undefined if that is no ELF binary of a machine that Lambda has, such as a
 * script. Throws if the file is no zip or holds no `bootstrap`.
 */
export function bootstrapArchitecture(zip: string): ArchitectureName | undefined {
  const file = openSync(zip, "r");
  try {
    const header = bootstrapStart(file, zip);
    return header.length >= ELF_HEADER && header.readUInt32BE(0) === 0x7f454c46
      ? MACHINES[header.readUInt16LE(18)]
      : undefined;
  } finally {
    closeSync(file);
  }
}

/** The first bytes of `bootstrap`. */
function bootstrapStart(file: number, zip: string): Buffer {
  const { size } = fstatSync(file);
  const tail = read(file, Math.max(0, size - END.size - END.maxComment), size);
  let end = tail.length - END.size;
  while (end >= 0 && tail.readUInt32LE(end) !== END.signature) end--;
  if (end < 0) throw new Mistake(`${zip} is not a zip file: run "make build" again`);

  const start = tail.readUInt32LE(end + 16);
  const directory = read(file, start, start + tail.readUInt32LE(end + 12));
  for (let at = 0; at + ENTRY.size <= directory.length && directory.readUInt32LE(at) === ENTRY.signature;) {
    const nameLength = directory.readUInt16LE(at + 28);
    const name = directory.toString("utf8", at + ENTRY.size, at + ENTRY.size + nameLength);
    if (name === "bootstrap") {
      const local = directory.readUInt32LE(at + 42);
      const header = read(file, local, local + LOCAL.size);
      const data = local + LOCAL.size + header.readUInt16LE(26) + header.readUInt16LE(28);
      const packed = read(file, data, data + Math.min(directory.readUInt32LE(at + 20), 4096));
      const deflated = directory.readUInt16LE(at + 10) === 8;
      return deflated ? inflateRawSync(packed, { finishFlush: constants.Z_SYNC_FLUSH }) : packed;
    }
    at += ENTRY.size + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  throw new Mistake(`${zip} holds no bootstrap: run "make build" again`);
}

function read(file: number, from: number, to: number): Buffer {
  const buffer = Buffer.alloc(to - from);
  return buffer.subarray(0, readSync(file, buffer, 0, buffer.length, from));
}
