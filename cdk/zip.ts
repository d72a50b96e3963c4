/** Looks into a Lambda zip: which files it holds, and which machine its bootstrap runs on. */
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

/** What tells one content from another. */
export interface Content {
  /** CRC-32 as zip files use it. */
  readonly crc32: number;
  /** Length in bytes, not compressed. */
  readonly size: number;
}

/** A Lambda zip. */
export interface LambdaZip {
  /**
   * Instruction set of `bootstrap`; undefined if that is no ELF binary of a machine that Lambda has, such as a script.
   */
  readonly architecture: ArchitectureName | undefined;
  /** All files, by their path in the zip. */
  readonly files: ReadonlyMap<string, Content>;
}

interface Entry extends Content {
  readonly deflated: boolean;
  readonly packedSize: number;
  /** Where the file's own header begins. */
  readonly start: number;
}

/** Reads a zip. Throws a {@link Mistake} if the file is no zip or holds no `bootstrap`. */
export function readLambdaZip(zip: string): LambdaZip {
  const file = openSync(zip, "r");
  try {
    const files = readEntries(file, zip);
    const bootstrap = files.get("bootstrap");
    if (bootstrap === undefined) throw new Mistake(`${zip} holds no bootstrap: run "make build" again`);
    return { architecture: machine(firstBytes(file, bootstrap)), files };
  } finally {
    closeSync(file);
  }
}

function readEntries(file: number, zip: string): Map<string, Entry> {
  const { size } = fstatSync(file);
  const tail = read(file, Math.max(0, size - END.size - END.maxComment), size);
  let end = tail.length - END.size;
  while (end >= 0 && tail.readUInt32LE(end) !== END.signature) end--;
  if (end < 0) throw new Mistake(`${zip} is not a zip file: run "make build" again`);

  const entries = new Map<string, Entry>();
  const start = tail.readUInt32LE(end + 16);
  const directory = read(file, start, start + tail.readUInt32LE(end + 12));
  for (let at = 0; at + ENTRY.size <= directory.length && directory.readUInt32LE(at) === ENTRY.signature;) {
    const nameLength = directory.readUInt16LE(at + 28);
    const name = directory.toString("utf8", at + ENTRY.size, at + ENTRY.size + nameLength);
    if (!name.endsWith("/")) {
      entries.set(name, {
        deflated: directory.readUInt16LE(at + 10) === 8,
        crc32: directory.readUInt32LE(at + 16),
        packedSize: directory.readUInt32LE(at + 20),
        size: directory.readUInt32LE(at + 24),
        start: directory.readUInt32LE(at + 42),
      });
    }
    at += ENTRY.size + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return entries;
}

function firstBytes(file: number, { start, packedSize, deflated }: Entry): Buffer {
  const header = read(file, start, start + LOCAL.size);
  const data = start + LOCAL.size + header.readUInt16LE(26) + header.readUInt16LE(28);
  const packed = read(file, data, data + Math.min(packedSize, 4096));
  return deflated ? inflateRawSync(packed, { finishFlush: constants.Z_SYNC_FLUSH }) : packed;
}

function machine(header: Buffer): ArchitectureName | undefined {
  return header.length >= ELF_HEADER && header.readUInt32BE(0) === 0x7f454c46
    ? MACHINES[header.readUInt16LE(18)]
    : undefined;
}

function read(file: number, from: number, to: number): Buffer {
  const buffer = Buffer.alloc(to - from);
  return buffer.subarray(0, readSync(file, buffer, 0, buffer.length, from));
}
