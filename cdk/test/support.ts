/** What the tests share: the real app with settings of their own, built zips that hold next to nothing, readable ARNs. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { crc32 } from "node:zlib";
import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { HANDLERS } from "../names";
import { addSwitchyard } from "../switchyard";

export const ROOT = path.join(__dirname, "..", "..");
export const AGENTS = path.join(ROOT, "agents");

/** Settings of the local stage, as `make local` gives them. */
export const LOCAL = {
  stage: "local",
  agentEngine: "local",
  responseMode: "BUFFERED",
  architecture: "x86_64",
  gitlabUrl: "http://127.0.0.1:8080",
} as const;

/** Settings of a deployment whose functions are in a VPC, with the endpoints they need. */
export const NETWORK = {
  vpcId: "vpc-0a1b2c3d4e5f60718",
  subnetIds: "subnet-0a1b2c3d4e5f60711,subnet-0a1b2c3d4e5f60712",
  securityGroupIds: "sg-0a1b2c3d4e5f60718",
  vpcEndpoints: "true",
  routeTableIds: "rtb-0a1b2c3d4e5f60718",
} as const;

/** Settings of a deployment whose pipelines server is a container in the VPC. */
export const PIPELINES_ELSEWHERE = {
  vpcId: NETWORK.vpcId,
  subnetIds: NETWORK.subnetIds,
  securityGroupIds: NETWORK.securityGroupIds,
  allowedNetworks: "10.20.0.0/16",
  pipelinesEndpoint: "http://mcp.internal:8000",
} as const;

const SCRATCH = mkdtempSync(path.join(tmpdir(), "switchyard-cdk-"));
process.on("exit", () => {
  rmSync(SCRATCH, { recursive: true, force: true });
});

let directories = 0;
/** A new empty directory that goes when the tests end. */
export function scratch(): string {
  const directory = path.join(SCRATCH, String(directories++));
  mkdirSync(directory);
  return directory;
}

/** A copy of the agents, with the pipeline types beside them, to be changed: the path of the agents. */
export function copyOfAgents(): string {
  const directory = scratch();
  cpSync(path.join(ROOT, "pipelines.yaml"), path.join(directory, "pipelines.yaml"));
  cpSync(AGENTS, path.join(directory, "agents"), { recursive: true });
  return path.join(directory, "agents");
}

/** A zip with stored, not deflated, files. */
export function zip(files: Readonly<Record<string, Buffer>>): Buffer {
  const entries: Buffer[] = [];
  const contents: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const file = Buffer.from(name);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt32LE(crc32(content), 16);
    entry.writeUInt32LE(content.length, 20);
    entry.writeUInt32LE(content.length, 24);
    entry.writeUInt16LE(file.length, 28);
    entry.writeUInt32LE(offset, 42);
    entries.push(entry, file);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(file.length, 26);
    contents.push(local, file, content);
    offset += local.length + file.length + content.length;
  }
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Object.keys(files).length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...contents, directory, end]);
}

/** What a build packs beside the program: all files of the agents' directory, and the pipeline types beside it. */
export function packed(agentsDir = AGENTS): Record<string, Buffer> {
  const agents = readdirSync(agentsDir).map((name) => [`agents/${name}`, readFileSync(path.join(agentsDir, name))]);
  return {
    ...(Object.fromEntries(agents) as Record<string, Buffer>),
    "pipelines.yaml": readFileSync(path.join(agentsDir, "..", "pipelines.yaml")),
  };
}

/** A directory with a zip for each function, as `make build` leaves it. */
export function zipDirectory(bootstrap = Buffer.from("#!/bin/sh\n"), definitions = packed()): string {
  const directory = scratch();
  const content = zip({ ...definitions, bootstrap });
  for (const bin of [...HANDLERS, "pipelines"]) {
    mkdirSync(path.join(directory, bin));
    writeFileSync(path.join(directory, bin, "bootstrap.zip"), content);
  }
  return directory;
}

const ZIPS = zipDirectory();
const CDK_JSON = JSON.parse(readFileSync(path.join(ROOT, "cdk.json"), "utf8")) as { context: Record<string, unknown> };

/**
 * An app with the settings and feature flags of cdk.json, changed as given, and zips with its agents. CDK's own check of
 * the templates takes seconds in each process: where a test is not about it, it is left out.
 */
export function app(settings: Readonly<Record<string, unknown>> = {}, checked = false): App {
  const { agentsDir } = settings;
  const lambdaZipDir = typeof agentsDir === "string" ? zipDirectory(undefined, packed(agentsDir)) : ZIPS;
  // Servers of others come with packages, which tests that are about them make; see servers-support.ts.
  const context = { ...CDK_JSON.context, lambdaZipDir, agentsDir: AGENTS, hostedServers: "none", ...settings };
  return new App({
    outdir: scratch(),
    context: { ...context, "aws:cdk:enable-path-metadata": true },
    builtinCloudFormationValidation: checked,
  });
}

/** An empty stack in such an app. */
export function stack(): Stack {
  return new Stack(app(), "Test");
}

export type Resource = Readonly<{
  Type: string;
  Properties: Readonly<Record<string, unknown>>;
  DependsOn?: readonly string[];
  DeletionPolicy?: string;
  Metadata?: Readonly<Record<string, string>>;
}>;

/** A synthesised stack. */
export class Synthesised {
  readonly template: Template;
  readonly resources: Readonly<Record<string, Resource>>;

  constructor(from: Stack) {
    this.template = Template.fromStack(from);
    this.resources = (this.template.toJSON()["Resources"] ?? {}) as Record<string, Resource>;
  }

  /** All resources of a type, by construct path below the stack. */
  ofType(type: string): Map<string, Resource> {
    return new Map(
      Object.entries(this.resources)
        .filter(([, resource]) => resource.Type === type)
        .map(([id, resource]) => [this.path(id), resource]),
    );
  }

  /** The one resource of a type below a construct path. */
  one(type: string, below = ""): Resource {
    const found = [...this.ofType(type)].filter(([at]) => at.startsWith(below));
    if (found[0] === undefined || found.length > 1) throw new Error(`${found.length} of ${type} below "${below}"`);
    return found[0][1];
  }

  /** Environment variables of the function below a construct path. */
  environment(below: string): Readonly<Record<string, unknown>> {
    const { Properties: p } = this.one("AWS::Lambda::Function", `${below}/`);
    return (p["Environment"] as { Variables: Record<string, unknown> }).Variables;
  }

  /** A value with every reference written out: `{mcp_proxy/Role.Arn}`, `{AWS::AccountId}`. */
  text(value: unknown): string {
    if (typeof value !== "object" || value === null) return String(value);
    const [[key, argument] = ["", undefined]] = Object.entries(value);
    if (key === "Ref") return `{${this.path(String(argument))}}`;
    if (key === "Fn::GetAtt") {
      const [id = "", attribute = ""] = argument as string[];
      return `{${this.path(id)}.${attribute}}`;
    }
    if (key === "Fn::Join") {
      const [separator, parts] = argument as [string, unknown[]];
      return parts.map((part) => this.text(part)).join(separator);
    }
    throw new Error(`no text for ${JSON.stringify(value)}`);
  }

  /** Construct path, below the stack, of a logical id. */
  path(id: string): string {
    const full = this.resources[id]?.Metadata?.["aws:cdk:path"];
    return full === undefined
      ? id
      : full
          .split("/")
          .slice(1)
          .join("/")
          .replace(/\/(Resource|Default)$/, "");
  }
}

/** The stacks of a stage, synthesised. */
export type Stacks = Readonly<{
  data: Synthesised;
  service: Synthesised;
  /** Only where third-party servers or a gateway are deployed. */
  servers?: Synthesised;
}>;

/** Synthesises all stacks of an app. */
export function stacksOf(whole: App): Stacks {
  const { data, service, servers } = addSwitchyard(whole);
  return {
    data: new Synthesised(data),
    service: new Synthesised(service),
    ...(servers === undefined ? {} : { servers: new Synthesised(servers) }),
  };
}

const synthesised = new Map<string, Stacks>();
/** All stacks with such settings; the same settings are synthesised once. */
export function switchyard(settings: Readonly<Record<string, unknown>> = {}): Stacks {
  const key = JSON.stringify(settings);
  const known = synthesised.get(key);
  if (known !== undefined) return known;
  const stacks = stacksOf(app(settings));
  synthesised.set(key, stacks);
  return stacks;
}
